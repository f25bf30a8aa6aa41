import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasLeaders, type Policy, rangeOfPiece, rangesOf } from "../src/index.ts";
import * as any from "./arbitraries.ts";

const split = (pieceCount: number, ranges: number) =>
  Array.from({ length: pieceCount }, (_, piece) => rangeOfPiece(piece, pieceCount, ranges)).join("");

describe("the ranges of a torrent's pieces", () => {
  test("are of equal length", () => {
    expect(split(12, 3)).toBe("000011112222");
  });

  test("the last one takes what remains", () => {
    expect(split(11, 3)).toBe("00011122222");
    expect(split(14, 5)).toBe("00112233444444");
  });

  test("with fewer pieces than ranges the first have one each, the others none", () => {
    expect(split(3, 5)).toBe("012");
    expect(split(1, 20)).toBe("0");
  });

  test("one range has all pieces", () => {
    expect(split(5, 1)).toBe("00000");
  });

  test("follow each other from 0, and every piece is in one of them", () => {
    const cases = fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 20 }));
    fc.assert(
      fc.property(cases, ([pieceCount, ranges]) => {
        const length = Math.floor(pieceCount / ranges);
        const sizes = new Array<number>(ranges).fill(0);
        let last = 0;
        for (let piece = 0; piece < pieceCount; piece++) {
          const range = rangeOfPiece(piece, pieceCount, ranges);
          expect([last, last + 1]).toContain(range);
          expect(range).toBeLessThan(ranges);
          sizes[range] = (sizes[range] ?? 0) + 1;
          last = range;
        }
        if (length > 0) {
          expect(sizes.slice(0, -1).every((size) => size === length)).toBe(true);
          expect(sizes.at(-1)).toBe(length + (pieceCount % ranges));
        }
      }),
    );
  });
});

describe("a policy", () => {
  const numbers = { leaderPercent: 10, deadlineMs: 5000 };
  const policies: [Policy | { name: "unknown"; said: string }, boolean, number][] = [
    [{ name: "bittorrent" }, false, 1],
    [{ name: "biased", externalPercent: 10 }, false, 1],
    [{ name: "cache", ...numbers }, true, 1],
    [{ name: "multi", ranges: 3, ...numbers }, true, 3],
    [{ name: "coordinated", fetchers: "all", relief: 1, ...numbers }, true, 1],
    [{ name: "unknown", said: "later" }, false, 1],
  ];

  test.each(policies)("%j gives leaders duties: %s; and ranges: %i", (policy, duties, ranges) => {
    expect(hasLeaders(policy)).toBe(duties);
    expect(rangesOf(policy)).toBe(ranges);
  });

  test("has several ranges only where leaders have duties", () => {
    fc.assert(
      fc.property(any.policy, (policy) => {
        expect(hasLeaders(policy) || rangesOf(policy) === 1).toBe(true);
      }),
    );
  });
});
