import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { BadDataFinder } from "../src/exchange/bad-data.ts";
import { noise } from "./support/torrents.ts";

const BLOCK = LIMITS.peer.blockBytes;
const [honest, liar, other] = [{ name: "honest" }, { name: "liar" }, { name: "other" }];
const good = noise(3 * BLOCK);

/** The piece with these blocks spoilt. */
function spoilt(...blocks: number[]): Uint8Array {
  const bytes = Uint8Array.from(good);
  for (const block of blocks) bytes[block * BLOCK] = 0;
  return bytes;
}

describe("who sent bad data", () => {
  it("is known at once when a piece came from one peer alone", () => {
    const finder = new BadDataFinder<object>();
    expect(finder.failed(0, spoilt(1), [liar, liar, liar])).toBe(liar);
    expect([...finder.suspects()]).toEqual([]);
  });

  it("is found when the piece verifies later, by the blocks that differ", () => {
    const finder = new BadDataFinder<object>();
    expect(finder.failed(7, spoilt(1), [honest, liar, other])).toBeUndefined();
    expect([...finder.suspects()]).toEqual([7]);
    expect([...finder.verified(7, good)]).toEqual([liar]);
    expect([...finder.suspects()]).toEqual([]);
    expect([...finder.verified(7, good)]).toEqual([]);
  });

  it("may be several, over several copies", () => {
    const finder = new BadDataFinder<object>();
    finder.failed(7, spoilt(1), [honest, liar, honest]);
    finder.failed(7, spoilt(2), [honest, honest, other]);
    expect(finder.verified(7, good)).toEqual(new Set([liar, other]));
  });

  it("is nobody when nothing failed before", () => {
    expect(new BadDataFinder<object>().verified(3, good).size).toBe(0);
  });

  it("is remembered of 64 pieces at most: spoiling them all does not fill the memory", () => {
    const finder = new BadDataFinder<object>();
    for (let piece = 0; piece < 200; piece++) finder.failed(piece, spoilt(0), [liar, honest, honest]);
    expect([...finder.suspects()].length).toBe(64);
    expect(finder.verified(0, good)).toEqual(new Set([liar]));
    expect(finder.verified(150, good)).toEqual(new Set());
    finder.failed(150, spoilt(0), [liar, honest, honest]);
    expect(finder.verified(150, good)).toEqual(new Set([liar]));
  });
});
