import type { PeerId } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareCandidates, elect, type LeadersChanged } from "../src/index.ts";
import { settleSeats } from "../src/multi-election.ts";
import { type Chapter, inEveryStory } from "./stories.ts";
import { peer } from "./swarm.ts";

function rangesOf(result: LeadersChanged | undefined): readonly (readonly PeerId[])[] {
  return result?.ranges ?? (result ? [result.leaders] : []);
}

/** In how many ranges each candidate of the AS leads. */
function loads({ world }: Chapter, result: LeadersChanged): number[] {
  const all = rangesOf(result).flat();
  return world.candidatesOf(result.asn).map(({ peerId }) => all.filter((leader) => leader === peerId).length);
}

/** After every event, what is true of every electorate's result; `n` is the number of its candidates. */
function ofEveryResult(check: (chapter: Chapter, result: LeadersChanged, n: number) => void): void {
  inEveryStory(() => (chapter) => {
    for (const result of chapter.world.election.getElected().values()) {
      check(chapter, result, chapter.world.candidatesOf(result.asn).length);
    }
  });
}

describe("whatever happens to a swarm with ranges", () => {
  test("its leaders are those of its ranges, of which there are as many as configured", () => {
    ofEveryResult(({ options }, result) => {
      expect(rangesOf(result)).toHaveLength(options.ranges ?? 1);
      expect(new Set(rangesOf(result).flat())).toEqual(new Set(result.leaders));
      for (const leaders of rangesOf(result)) expect(new Set(leaders).size).toBe(leaders.length);
    });
  });

  test("every range has a leader while there is a candidate", () => {
    ofEveryResult((_, result, n) => {
      for (const leaders of rangesOf(result)) expect(leaders.length > 0).toBe(n > 0);
    });
  });

  test("nobody leads two ranges if there are no fewer candidates than ranges", () => {
    ofEveryResult((chapter, result, n) => {
      if (n >= rangesOf(result).length) expect(Math.max(...loads(chapter, result))).toBe(1);
    });
  });

  test("with fewer candidates all of them lead, and none two ranges more than another", () => {
    ofEveryResult((chapter, result, n) => {
      if (n === 0 || n >= rangesOf(result).length) return;
      const all = loads(chapter, result);
      expect(Math.min(...all)).toBeGreaterThan(0);
      expect(Math.max(...all) - Math.min(...all)).toBeLessThan(2);
    });
  });

  test("while a candidate leads nothing, no range has a free seat", () => {
    ofEveryResult((chapter, result) => {
      const { world, options } = chapter;
      if (!loads(chapter, result).includes(0)) return;
      const seats = elect(world.candidatesOf(result.asn), options.leaderPercent, options.leastLeaders).length;
      for (const leaders of rangesOf(result)) expect(leaders.length).toBeGreaterThanOrEqual(seats);
    });
  });

  test("who stays in a range keeps its order there, before those who come to it", () => {
    ofEveryResult(({ event, before }, result) => {
      if (event.kind === "pass") return; // several changes may have happened meanwhile
      rangesOf(result).forEach((leaders, range) => {
        const old = rangesOf(before.get(result.asn))[range] ?? [];
        const stayed = old.filter((peerId) => leaders.includes(peerId));
        expect(leaders.slice(0, stayed.length)).toEqual(stayed);
      });
    });
  });
});

const someCandidates = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 60 })
  .map((rates) => rates.map((up, i) => ({ peerId: peer(i + 1), up, down: 1 })));

test("a first result deals the candidates by rank to the ranges, and round again where they are too few", () => {
  fc.assert(
    fc.property(someCandidates, fc.integer({ min: 1, max: 20 }), (candidates, ranges) => {
      const leaderPercent = Math.floor(100 / ranges);
      const ranked = candidates.toSorted(compareCandidates).map(({ peerId }) => peerId);
      const seats = Math.max(1, Math.floor((candidates.length * leaderPercent) / 100));
      const dealt = Array.from({ length: ranges }, (_, range) =>
        Array.from({ length: seats }, (_, place) => ranked[(place * ranges + range) % ranked.length]),
      );
      expect(settleSeats(candidates, [], { leaderPercent, leastLeaders: 1, ranges })).toEqual(dealt);
    }),
  );
});

test("settling what is settled changes nothing", () => {
  const someOffice = fc.array(fc.uniqueArray(fc.integer({ min: 1, max: 30 }).map(peer)), { maxLength: 20 });
  fc.assert(
    fc.property(
      someCandidates,
      someOffice,
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(1 as const, 2 as const),
      (candidates, inOffice, ranges, leastLeaders) => {
        const seats = { leaderPercent: Math.floor(100 / ranges), leastLeaders, ranges };
        const settled = settleSeats(candidates, inOffice, seats);
        expect(settleSeats(candidates, settled, seats)).toEqual(settled);
      },
    ),
  );
});
