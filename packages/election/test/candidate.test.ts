import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareCandidates, elect } from "../src/index.ts";
import { numberOf, peer } from "./swarm.ts";

function candidates(...rates: [up: number, down: number][]) {
  return rates.map(([up, down], i) => ({ peerId: peer(i + 1), up, down }));
}

function ranked(...rates: [up: number, down: number][]): number[] {
  return candidates(...rates)
    .toSorted(compareCandidates)
    .map((candidate) => numberOf(candidate.peerId));
}

describe("the ranking of candidates", () => {
  test("the greater upload capacity comes first", () => {
    expect(ranked([10, 99], [30, 0], [20, 50])).toEqual([2, 3, 1]);
  });

  test("equal in upload, the greater download capacity comes first", () => {
    expect(ranked([10, 1], [10, 3], [10, 2])).toEqual([2, 3, 1]);
  });

  test("equal in both, the smaller peer id comes first", () => {
    expect(ranked([10, 1], [10, 1], [10, 1])).toEqual([1, 2, 3]);
  });
});

describe("elect", () => {
  test("takes that percentage of the candidates, the best of them, in rank order", () => {
    const ten = candidates(...Array.from({ length: 10 }, (_, i): [number, number] => [i, 0]));
    expect(elect(ten, 30).map(numberOf)).toEqual([10, 9, 8]);
  });

  test.each([
    [1, 10, 1],
    [9, 10, 1],
    [19, 10, 1],
    [20, 10, 2],
    [29, 10, 2],
    [3, 50, 1],
    [5, 100, 5],
    [700, 1, 7],
    [99, 1, 1],
  ])(
    "of %i candidates, %i %% are %i leaders: rounded down, and never less than one",
    (n, percent, leaders) => {
      const all = candidates(...Array.from({ length: n }, (): [number, number] => [1, 1]));
      expect(elect(all, percent)).toHaveLength(leaders);
    },
  );

  test("gives a single candidate all the offices", () => {
    expect(elect(candidates([0, 0]), 1).map(numberOf)).toEqual([1]);
  });

  test("elects nobody where nobody stands", () => {
    expect(elect([], 100, 2)).toEqual([]);
  });

  test.each([
    [1, 1],
    [2, 2],
    [5, 2],
    [30, 3],
  ])("where a standby is needed, %i candidates have %i leaders", (n, leaders) => {
    const all = candidates(...Array.from({ length: n }, (): [number, number] => [1, 1]));
    expect(elect(all, 10, 2)).toHaveLength(leaders);
  });

  test("does not depend on the order in which the candidates came", () => {
    const rate = fc.integer({ min: 0, max: 3 });
    const rates = fc.array(fc.tuple(rate, rate), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        rates,
        fc.integer({ min: 1, max: 100 }),
        fc.infiniteStream(fc.nat()),
        (given, percent, keys) => {
          const all = candidates(...given);
          const keyed = all.map((candidate) => ({ candidate, key: keys.next().value as number }));
          const shuffled = keyed.toSorted((a, b) => a.key - b.key).map(({ candidate }) => candidate);
          expect(elect(shuffled, percent)).toEqual(elect(all, percent));
        },
      ),
    );
  });
});
