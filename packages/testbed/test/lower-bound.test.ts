import { expect, it } from "vitest";
import { lowerBoundMs } from "../src/lower-bound.ts";

it("a swarm with strong leechers is bounded by the seed that must send everything once", () => {
  expect(lowerBoundMs({ contentBytes: 8_000, seedUp: 1_000, leecherUp: 10_000, leechers: 10 })).toBe(8_000);
});

it("a swarm with weak leechers is bounded by the sum of all uploads", () => {
  // Ten copies of 8,000 bytes over 1,000 + 10 x 100 bytes/s.
  expect(lowerBoundMs({ contentBytes: 8_000, seedUp: 1_000, leecherUp: 100, leechers: 10 })).toBe(40_000);
});
