import { expect, test } from "vitest";
import { patienceMs } from "../src/patience.ts";

const KiB = 1024;

test.each([
  { what: "whose rate is not known", rate: 0, ttlMs: 10_000, pieceLength: 256 * KiB, expected: 15_000 },
  { what: "that is fast", rate: 1e6, ttlMs: 10_000, pieceLength: 256 * KiB, expected: 8000 },
  {
    what: "that is fast, where pieces are quick",
    rate: 1e6,
    ttlMs: 5000,
    pieceLength: 256 * KiB,
    expected: 4000,
  },
  { what: "that takes 4 s a block", rate: 4 * KiB, ttlMs: 10_000, pieceLength: 256 * KiB, expected: 12_000 },
  { what: "that takes minutes a block", rate: 100, ttlMs: 10_000, pieceLength: 256 * KiB, expected: 20_000 },
  {
    what: "of which we know nonsense",
    rate: Number.NaN,
    ttlMs: 60_000,
    pieceLength: 256 * KiB,
    expected: 20_000,
  },
])("a neighbour $what is waited for $expected ms", ({ rate, ttlMs, pieceLength, expected }) => {
  expect(patienceMs(rate, ttlMs, pieceLength)).toBe(expected);
});
