import fc from "fast-check";
import { expect, test } from "vitest";
import { didYouMean, nearestName } from "../src/nearest-name.ts";

const NAMES = ["listen", "limit-up", "limit-down", "limit-down-internal", "external-percent", "policy"];

test.each([
  ["polcy", "policy"],
  ["ploicy", "policy"],
  ["POLICY", "policy"],
  ["limitup", "limit-up"],
  ["limit-donw", "limit-down"],
  ["external", "external-percent"],
  ["limit-down-torrent", "limit-down"],
])("%s is taken for %s", (typed, meant) => {
  expect(nearestName(typed, NAMES)).toBe(meant);
});

test("a name that is like no known one brings no suggestion", () => {
  expect(nearestName("zzzzzzzz", NAMES)).toBeUndefined();
  expect(didYouMean("zzzzzzzz", NAMES)).toBe("");
});

test("a known name with one letter gone is found again", () => {
  const oneGone = fc
    .constantFrom(...NAMES)
    .chain((name) =>
      fc.nat({ max: name.length - 1 }).map((at) => [name, name.slice(0, at) + name.slice(at + 1)] as const),
    );
  fc.assert(
    fc.property(oneGone, ([name, typed]) => {
      expect(nearestName(typed, NAMES)).toBe(name);
    }),
  );
});
