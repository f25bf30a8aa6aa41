import { type Asn, unwrap } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import {
  compareCandidates,
  decodeElectionSnapshot,
  Election,
  type ElectionOptions,
  elect,
} from "../src/index.ts";
import { inEveryStory, World } from "./stories.ts";
import { SECOND } from "./swarm.ts";

function overAFile(election: Election, options: ElectionOptions): Election {
  return Election.restore(
    options,
    unwrap(decodeElectionSnapshot(JSON.parse(JSON.stringify(election.snapshot())))),
  );
}

describe("whatever happens to a swarm", () => {
  test("once the election ran, every electorate has a result, and leaders if it has candidates", () => {
    inEveryStory(() => ({ world }) => {
      if (!world.election.snapshot().ran) return;
      for (const asn of world.asnOf.values()) {
        const candidates = world.candidatesOf(asn);
        const result = world.election.result(asn);
        expect(result?.everyoneLeads).toBe(candidates.length === 0);
        expect(result?.leaders.length === 0).toBe(candidates.length === 0);
      }
    });
  });

  test("the election runs when the quorum or the deadline is reached, and not before", () => {
    inEveryStory(() => {
      let firstStoodAt: number | undefined;
      let ran = false;
      return ({ world, event, options, changed }) => {
        if (world.standing.size > 0) firstStoodAt ??= world.now;
        const quorate = event.kind === "stand" && world.standing.size >= (options.quorum ?? Infinity);
        const late = firstStoodAt !== undefined && world.now >= firstStoodAt + options.deadlineMs;
        ran ||= quorate || (late && event.kind === "pass");
        expect(world.election.snapshot().ran).toBe(ran);
        if (!ran) expect(changed).toEqual([]);
      };
    });
  });

  test("leaders are live candidates that are not evicted, each listed once, and no fewer than the seats", () => {
    inEveryStory(() => ({ world, options }) => {
      for (const [asn, { leaders }] of world.election.getElected()) {
        const candidates = world.candidatesOf(asn);
        expect(new Set(leaders).size).toBe(leaders.length);
        expect(candidates.map(({ peerId }) => peerId)).toEqual(expect.arrayContaining([...leaders]));
        const seats = elect(candidates, options.leaderPercent, options.leastLeaders).length;
        expect(leaders.length).toBeGreaterThanOrEqual(seats);
      }
    });
  });

  test("leaders keep their seats and their order; who follows them is the best of the others", () => {
    inEveryStory(() => ({ world, event, before }) => {
      if (event.kind === "pass") return; // several changes may have happened meanwhile
      for (const [asn, { leaders }] of world.election.getElected()) {
        const candidates = world.candidatesOf(asn);
        const inOffice = before.get(asn)?.leaders ?? [];
        const kept = inOffice.filter((leader) => candidates.some(({ peerId }) => peerId === leader));
        const others = candidates.filter(({ peerId }) => !kept.includes(peerId)).toSorted(compareCandidates);
        const added = others.slice(0, leaders.length - kept.length).map(({ peerId }) => peerId);
        expect(leaders).toEqual([...kept, ...added]);
      }
    });
  });

  test("terms of an AS strictly grow, so that no term has two results", () => {
    inEveryStory(() => {
      const newest = new Map<Asn, number>();
      return ({ changed }) => {
        for (const { asn, term } of changed) {
          expect(term).toBeGreaterThan(newest.get(asn) ?? 0);
          newest.set(asn, term);
        }
      };
    });
  });

  test("a result changes only with its term, and every change is told", () => {
    inEveryStory(() => ({ world, before, changed }) => {
      const told = new Map(changed.map((result) => [result.asn, result]));
      for (const [asn, result] of world.election.getElected()) {
        expect(result).toEqual(told.get(asn) ?? before.get(asn));
      }
      for (const { asn, leaders, ranges } of changed) {
        const standing = before.get(asn);
        if (changed.filter((result) => result.asn === asn).length > 1) continue;
        expect([standing?.leaders, standing?.ranges]).not.toEqual([leaders, ranges]);
      }
    });
  });

  test("an election restored from its snapshot behaves as the one that was not", () => {
    inEveryStory(() => {
      let twin: World | undefined;
      return ({ world, event, options, changed }) => {
        twin ??= new World(new Election(options));
        twin.election = overAFile(twin.election, options);
        expect(twin.happen(event)).toEqual(changed);
        expect(twin.election.snapshot()).toEqual(world.election.snapshot());
        expect(twin.election.nextTick()).toBe(world.election.nextTick());
      };
    });
  });

  test("before nextTick a tick changes nothing, and after it there is a later one or none", () => {
    inEveryStory(() => ({ world, options }) => {
      const at = world.election.nextTick();
      const early = at === undefined ? world.now + 3600 * SECOND : at - 1;
      const unchanged = overAFile(world.election, options);
      expect(unchanged.tick(early)).toEqual([]);
      expect(unchanged.snapshot()).toEqual(world.election.snapshot());
      if (at === undefined) return;
      const ticked = overAFile(world.election, options);
      ticked.tick(at);
      expect(ticked.nextTick() ?? Infinity).toBeGreaterThan(at);
    });
  });
});
