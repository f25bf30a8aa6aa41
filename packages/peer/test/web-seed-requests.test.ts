import { seededRandom } from "@cachetorrent/clock";
import { PieceSet } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Outside } from "../src/claiming/outside.ts";
import { BlockQueue } from "../src/web-seeds/block-queue.ts";
import { endpointOf } from "../src/web-seeds/web-seed-url.ts";
import type { BlockRequest } from "../src/wire/block-request.ts";
import type { Connection } from "../src/wire/connection.ts";

const BLOCK = 16;
const PIECE = 64;
/** By number: four to a piece. */
const block = (n: number): BlockRequest => ({
  piece: Math.floor((n * BLOCK) / PIECE),
  begin: (n * BLOCK) % PIECE,
  length: BLOCK,
});
const numberOf = ({ begin, piece }: BlockRequest) => (piece * PIECE + begin) / BLOCK;

describe("blocks that are asked of a web seed", () => {
  it("make one request where they stand side by side, over the borders of pieces, and not more than it may ask", () => {
    const queue = new BlockQueue(PIECE);
    for (const n of [2, 3, 4, 5, 9, 10, 6]) queue.add(block(n));
    const runs = Array.from({ length: 4 }, () => queue.takeRun(3 * BLOCK));
    expect(runs.map((run) => run && [run.start / BLOCK, run.length / BLOCK])).toEqual([
      [2, 3],
      [5, 2],
      [9, 2],
      undefined,
    ]);
  });

  it("come whole and in order, however the bytes are cut, but for those that are not wanted any more", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 40 }),
        fc.uniqueArray(fc.nat(11), { maxLength: 4 }),
        (count, cuts, dropped) => {
          const queue = new BlockQueue(PIECE);
          for (let n = 0; n < count; n++) queue.add(block(n));
          const run = queue.takeRun(1e6);
          if (!run) throw new Error("nothing to run");
          for (const n of dropped) expect(run.drop(block(n))).toBe(n < count);
          const bytes = Uint8Array.from({ length: run.length }, (_, at) => at % 251);
          const came: number[] = [];
          let at = 0;
          for (const cut of [...cuts, run.length]) {
            run.push(bytes.subarray(at, at + cut), (one, whole) => {
              const start = numberOf(one) * BLOCK;
              expect([...whole]).toEqual([...bytes.subarray(start, start + BLOCK)]);
              came.push(numberOf(one));
            });
            at += cut;
          }
          const wanted = Array.from({ length: count }, (_, n) => n).filter((n) => !dropped.includes(n));
          expect(came).toEqual(wanted);
          expect(run.isWanted).toBe(false);
        },
      ),
    );
  });
});

describe("what a member claims of a web seed", () => {
  const PIECES = 200;
  const connection = (isWebSeed: boolean, theirs: PieceSet) =>
    ({ isWebSeed, isOpen: true, theirs }) as unknown as Connection;
  const web = connection(true, PieceSet.full(PIECES));
  const given = (others: readonly Connection[], begun: readonly number[] = []) =>
    new Outside({
      connections: new Set([web, ...others]),
      random: seededRandom(1),
      settled: new PieceSet(PIECES),
      priorityOf: () => 1,
      isOutside: () => true,
      isBegun: (piece) => begun.includes(piece),
    });

  it("is what lies begun, then a row of pieces, which goes on with the next claim", () => {
    const outside = given([], [77]);
    const [begun, first = 0, ...others] = outside.candidates(web, 8, () => true);
    expect(begun).toBe(77);
    expect(others).toEqual([1, 2, 3, 4, 5, 6].map((i) => first + i).filter((piece) => piece !== 77));
    const taken = new Set([first, first + 1]);
    const [again, next] = outside.candidates(web, 8, (piece) => !taken.has(piece));
    expect([again, next]).toEqual([77, first + 2]);
  });

  it("begins with what fewest neighbours outside hold", () => {
    const most = new PieceSet(PIECES);
    for (let piece = 0; piece < PIECES; piece++) if (piece !== 150) most.add(piece);
    const outside = given([connection(false, most)]);
    expect(outside.candidates(web, 3, () => true)).toEqual([150, 151, 152]);
  });
});

it("a web seed is named in claims by an endpoint of its URL, the same for everybody and nobody's", () => {
  expect(endpointOf("https://mirror.example/pub/")).toEqual(endpointOf("https://mirror.example:443/pub/"));
  const { address, port } = endpointOf("http://mirror.example:8080/pub/");
  expect(address).toMatch(/^100:/);
  expect(port).toBe(8080);
});
