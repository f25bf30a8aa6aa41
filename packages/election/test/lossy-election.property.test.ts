import { type Asn, LIMITS, type PeerId } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import {
  type Candidate,
  compareCandidates,
  type ElectionOptions,
  type LeadersChanged,
} from "../src/index.ts";
import { inEveryStory, PEERS, type World } from "./lossy-stories.ts";
import type { Moment } from "./lossy-tracker.ts";
import { A, B, peer, START } from "./swarm.ts";

/** Those of an AS who may lead, as the announces that arrived tell. */
function candidatesOf(asn: Asn, { election, registered }: Moment): Candidate[] {
  return [...registered].flatMap(([peerId, { asn: home, up }]) =>
    home === asn && up !== undefined && !election.isEvicted(peerId) ? [{ peerId, up, down: up }] : [],
  );
}

function rangesOf(result: LeadersChanged | undefined): readonly (readonly PeerId[])[] {
  return result?.ranges ?? (result ? [result.leaders] : []);
}

function ofEveryResult(
  check: (
    result: LeadersChanged,
    candidates: readonly Candidate[],
    moment: Moment,
    o: ElectionOptions,
  ) => void,
): void {
  inEveryStory(() => ({
    witness: (moment, options) => {
      for (const [asn, result] of moment.election.getElected()) {
        check(result, candidatesOf(asn, moment), moment, options);
      }
    },
  }));
}

describe("over a channel that loses, delays, repeats and reorders what members say", () => {
  test("the terms of an AS strictly grow, though all of it leave, and the tracker restarts with its clock set back", () => {
    inEveryStory(() => {
      const newest = new Map<Asn, number>();
      return {
        witness: ({ changed, election }) => {
          for (const result of changed) {
            expect(result.term).toBeGreaterThan(newest.get(result.asn) ?? 0);
            newest.set(result.asn, result.term);
            expect(election.result(result.asn)).toEqual(result);
          }
          for (const [asn, { term }] of election.getElected()) expect(term).toBe(newest.get(asn));
        },
      };
    });
  });

  test("leaders are candidates of their AS that are registered and not evicted, each listed once", () => {
    ofEveryResult(({ leaders, everyoneLeads }, candidates) => {
      const ids = candidates.map(({ peerId }) => peerId);
      expect(new Set(leaders).size).toBe(leaders.length);
      expect(ids).toEqual(expect.arrayContaining([...leaders]));
      expect(everyoneLeads).toBe(ids.length === 0);
    });
  });

  test("who was evicted leads nothing for ten minutes by the tracker's clock, though it leaves and comes back", () => {
    inEveryStory(() => {
      const until = new Map<PeerId, number>();
      return {
        witness: ({ election, now }) => {
          const leading = new Set([...election.getElected().values()].flatMap(({ leaders }) => leaders));
          for (let n = 1; n <= PEERS; n++) {
            const peerId = peer(n);
            if (election.isEvicted(peerId)) {
              if (!until.has(peerId)) until.set(peerId, now + LIMITS.election.evictionMs);
              expect(leading).not.toContain(peerId);
            } else if (until.has(peerId)) {
              expect(now).toBeGreaterThanOrEqual(until.get(peerId) ?? Infinity);
              until.delete(peerId);
            }
          }
        },
      };
    });
  });

  test("each range has the seats of the rule, more only while those who had them stay, fewer only when all lead", () => {
    ofEveryResult((result, candidates, { before }, { ranges = 1, leaderPercent, leastLeaders }) => {
      const n = candidates.length;
      const seats = Math.max(Math.min(leastLeaders, n), Math.floor((n * leaderPercent) / 100));
      expect(rangesOf(result)).toHaveLength(ranges);
      const idle = candidates.some(({ peerId }) => !result.leaders.includes(peerId));
      rangesOf(result).forEach((leaders, range) => {
        const had = rangesOf(before.get(result.asn))[range]?.length ?? 0;
        expect(leaders.length).toBeLessThanOrEqual(Math.max(seats, had));
        if (idle || n < ranges) expect(leaders.length).toBeGreaterThanOrEqual(seats);
      });
    });
  });

  test("every range has a leader while there is a candidate", () => {
    ofEveryResult((result, candidates) => {
      for (const leaders of rangesOf(result)) expect(leaders.length > 0).toBe(candidates.length > 0);
    });
  });

  test("nobody leads two ranges, or with fewer candidates than ranges two more than another", () => {
    ofEveryResult((result, candidates, _, { ranges = 1 }) => {
      if (candidates.length === 0) return;
      const seats = rangesOf(result).flat();
      const loads = candidates.map(({ peerId }) => seats.filter((leader) => leader === peerId).length);
      if (candidates.length >= ranges) expect(Math.max(...loads)).toBe(1);
      else expect(Math.max(...loads) - Math.min(...loads)).toBeLessThan(2);
    });
  });

  test("head, standby and those behind them move by vacancy only, and the best of the others follow", () => {
    ofEveryResult(({ asn, leaders }, candidates, { before }) => {
      const ids = new Set(candidates.map(({ peerId }) => peerId));
      const stayed = (before.get(asn)?.leaders ?? []).filter((leader) => ids.has(leader));
      const others = candidates.filter(({ peerId }) => !stayed.includes(peerId)).toSorted(compareCandidates);
      const added = others.slice(0, leaders.length - stayed.length).map(({ peerId }) => peerId);
      expect(leaders).toEqual([...stayed, ...added]);
    });
  });

  test("a member takes only results of its AS that there were, and never goes back to an older one", () => {
    inEveryStory(() => {
      const results = new Map<string, LeadersChanged>();
      return {
        witness: ({ changed }) => {
          for (const result of changed) results.set(`${result.asn} ${result.term}`, result);
        },
        took: ({ asn }, taken, before) => {
          expect(taken.asn).toBe(asn);
          expect(taken).toEqual(results.get(`${asn} ${taken.term}`));
          expect(taken.term).toBeGreaterThanOrEqual(before?.term ?? 0);
        },
      };
    });
  });
});

describe("once that channel is reliable", () => {
  test("the members are those that are there, and stand with what they said last", () => {
    inEveryStory(() => ({
      calm: ({ members, tracker: { election } }) => {
        for (const asn of [A, B]) {
          const here = members.filter((member) => member.isHere && member.asn === asn);
          expect(election.memberCount(asn)).toBe(here.length);
          expect(
            election
              .candidates(asn)
              .map(({ peerId, up }) => `${peerId} ${up}`)
              .sort(),
          ).toEqual(here.filter(({ up }) => up !== undefined).map(({ peerId, up }) => `${peerId} ${up}`));
        }
      },
    }));
  });

  test("every member that is there knows the newest term, and its leaders", () => {
    inEveryStory(() => ({
      calm: ({ members, tracker: { election } }) => {
        for (const { asn, isHere, known, up } of members) {
          if (!isHere) continue;
          if (up !== undefined) expect(known).toBeDefined();
          expect(known).toEqual(election.result(asn));
        }
      },
    }));
  });
});

test("what comes back from a snapshot, in the middle of a story and after it, is the same election", () => {
  const same = ({ tracker }: World) => {
    const { election } = tracker;
    const twin = tracker.restored();
    expect(twin.snapshot()).toEqual(election.snapshot());
    expect(twin.getElected()).toEqual(election.getElected());
    expect(twin.nextTick()).toBe(election.nextTick());
    return twin;
  };
  inEveryStory(() => ({
    restart: same,
    calm: (world) => {
      const { election } = world.tracker;
      const twin = same(world);
      for (const { peerId } of election.members()) {
        expect(twin.leave(peerId, START)).toEqual(election.leave(peerId, START));
      }
    },
  }));
});
