import { expect, it } from "vitest";
import { JOINED_MOST, joinShort } from "../src/wire/join-short.ts";
import { noise } from "./support/torrents.ts";

it.each<[string, number[], number[]]>([
  ["nothing", [], []],
  ["one message", [17], [17]],
  ["messages", [17, 9, 5], [31]],
  ["heads of blocks and blocks", [13, 16_384, 13, 16_384], [13, 16_384, 13, 16_384]],
  ["messages between blocks", [17, 9, 13, 16_384, 9, 9, 13, 131_072, 17], [39, 16_384, 31, 131_072, 17]],
  ["as much as is copied together", [JOINED_MOST - 5, 5, 5], [JOINED_MOST, 5]],
  ["more than is copied together", [5, JOINED_MOST], [5, JOINED_MOST]],
  ["what is too long to be copied", [5, JOINED_MOST + 1, 5], [5, JOINED_MOST + 1, 5]],
])("joins %s", (_, lengths, expected) => {
  const chunks = lengths.map((length, at) => noise(length, at));
  const joined = joinShort(chunks);
  expect(joined.map(({ length }) => length)).toEqual(expected);
  expect(Buffer.concat(joined).equals(Buffer.concat(chunks))).toBe(true);
});

it("does not copy a block", () => {
  const block = noise(16_384);
  expect(joinShort([noise(13), block, noise(9)])[1]).toBe(block);
});
