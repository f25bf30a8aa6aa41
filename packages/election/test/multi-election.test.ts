import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { Election } from "../src/index.ts";
import { settleSeats } from "../src/multi-election.ts";
import { A, B, MINUTE, numberOf, peer, Swarm } from "./swarm.ts";

/** Candidates 1 to `count`, the first the most able; elected, and listed for long enough to report. */
function elected(count: number, ranges: number, leaderPercent = 10): Swarm {
  const swarm = new Swarm({ ranges, leaderPercent });
  standing(swarm, 1, count);
  return swarm.settled();
}

function standing(swarm: Swarm, from: number, to: number): void {
  for (let n = from; n <= to; n++) swarm.stand(n, 1000 - n);
}

describe("ranges", () => {
  test("leaders of one range are not leaders of another", () => {
    expect(elected(40, 2).ranges()).toEqual([
      [1, 3, 5, 7],
      [2, 4, 6, 8],
    ]);
  });

  test("each range has as many leaders as an electorate without ranges", () => {
    expect(elected(9, 3).ranges()).toEqual([[1], [2], [3]]);
    expect(
      elected(29, 3)
        .ranges()
        ?.map((leaders) => leaders.length),
    ).toEqual([2, 2, 2]);
    expect(
      elected(10, 4, 25)
        .ranges()
        ?.map((leaders) => leaders.length),
    ).toEqual([2, 2, 2, 2]);
  });

  test("with hundred candidates and hundred/leader-percent ranges all lead, one range each", () => {
    const ranges = elected(100, 10).ranges();
    expect(ranges?.map((leaders) => leaders.length)).toEqual(Array(10).fill(10));
    expect(new Set(ranges?.flat()).size).toBe(100);
  });

  test("the leaders of an electorate are those of all its ranges, by seniority", () => {
    const swarm = elected(4, 2);
    expect(swarm.leaders()).toEqual([1, 2]);
    swarm.leave(1);
    expect(swarm.ranges()).toEqual([[3], [2]]);
    expect(swarm.leaders()).toEqual([2, 3]);
  });

  test("of an electorate are settled in one term", () => {
    const swarm = elected(8, 4);
    expect(swarm.leave(1)).toMatchObject([{ asn: A, leaders: [peer(2), peer(3), peer(4), peer(5)] }]);
  });

  test("of one AS are nothing to another", () => {
    const swarm = new Swarm({ ranges: 2 });
    for (const n of [1, 2]) swarm.stand(n, 100 - n, A);
    swarm.stand(3, 9, B);
    swarm.settled();
    expect(swarm.ranges(A)).toEqual([[1], [2]]);
    expect(swarm.ranges(B)).toEqual([[3], [3]]);
  });

  test("a single range is told as none", () => {
    const swarm = elected(20, 1);
    expect(swarm.leaders()).toEqual([1, 2]);
    expect(swarm.election.result(A)).not.toHaveProperty("ranges");
  });

  test("without candidates everyone leads, in all of them", () => {
    const swarm = new Swarm({ ranges: 3 });
    swarm.join(1);
    swarm.settled();
    expect(swarm.election.result(A)).toMatchObject({
      leaders: [],
      ranges: [[], [], []],
      everyoneLeads: true,
    });
    expect(swarm.stand(1)).toMatchObject([{ leaders: [peer(1)], everyoneLeads: false }]);
    expect(swarm.ranges()).toEqual([[1], [1], [1]]);
  });
});

describe("vacancies and new seats of ranges", () => {
  test("a vacancy goes to the best candidate that leads nothing, behind those of its range", () => {
    const swarm = elected(40, 2);
    swarm.stand(99, 5000);
    expect(swarm.ranges()?.flat()).not.toContain(99);
    swarm.leave(3);
    expect(swarm.ranges()).toEqual([
      [1, 5, 7, 99],
      [2, 4, 6, 8],
    ]);
  });

  test("new seats go to the ranges in turn, the best first", () => {
    const swarm = elected(19, 2);
    expect(swarm.ranges()).toEqual([[1], [2]]);
    swarm.stand(20, 1);
    expect(swarm.ranges()).toEqual([
      [1, 3],
      [2, 4],
    ]);
  });

  test("ranges without any leader come first", () => {
    const candidates = [1, 2, 3, 4, 5, 6, 7].map((n) => ({ peerId: peer(n), up: 100 - n, down: 1 }));
    const inOffice = [[peer(1)], [], [peer(2)]];
    const settled = settleSeats(candidates, inOffice, { ranges: 3, leaderPercent: 33, leastLeaders: 1 });
    expect(settled.map((leaders) => leaders.map(numberOf))).toEqual([
      [1, 4],
      [3, 5],
      [2, 6],
    ]);
  });

  test("a range left without a leader takes the most junior one of the range that has most", () => {
    const swarm = elected(4, 2, 50);
    expect(swarm.ranges()).toEqual([
      [1, 3],
      [2, 4],
    ]);
    swarm.leave(2);
    expect(swarm.ranges()).toEqual([[1, 3], [4]]);
    swarm.leave(4);
    expect(swarm.ranges()).toEqual([[1], [3]]);
    expect(swarm.leaders()).toEqual([1, 3]);
  });

  test("seats shrink only when a leader leaves", () => {
    const swarm = elected(8, 2, 50);
    for (const n of [8, 7]) swarm.election.removeCandidate(peer(n), swarm.now);
    expect(swarm.ranges()).toEqual([
      [1, 3, 5],
      [2, 4, 6],
    ]);
    expect(elected(40, 2).election.removeCandidate(peer(40), 0)).toEqual([]);
  });

  test("leaders keep their ranges against a better newcomer", () => {
    const swarm = elected(4, 2);
    expect(swarm.stand(99, 5000)).toEqual([]);
    expect(swarm.stand(1, 1)).toEqual([]);
  });
});

describe("fewer candidates than ranges", () => {
  test("ranges share leaders in rotation while there are fewer candidates than ranges", () => {
    expect(elected(1, 3).ranges()).toEqual([[1], [1], [1]]);
    expect(elected(2, 3).ranges()).toEqual([[1], [2], [1]]);
    expect(elected(3, 8).ranges()?.flat()).toEqual([1, 2, 3, 1, 2, 3, 1, 2]);
    expect(elected(2, 3).leaders()).toEqual([1, 2]);
  });

  test("who leads several stays in the first of them when there are candidates enough", () => {
    const swarm = elected(2, 3);
    expect(swarm.stand(3, 1)).toHaveLength(1);
    expect(swarm.ranges()).toEqual([[1], [2], [3]]);
    expect(swarm.stand(4, 5000)).toEqual([]);
  });

  test("a newcomer takes over the last range of who leads two more than it", () => {
    const swarm = elected(1, 5);
    swarm.stand(2, 1);
    expect(swarm.ranges()?.flat()).toEqual([1, 1, 1, 2, 2]);
    swarm.stand(3, 1);
    expect(swarm.ranges()?.flat()).toEqual([1, 1, 3, 2, 2]);
    swarm.stand(4, 1);
    expect(swarm.ranges()?.flat()).toEqual([1, 1, 3, 2, 4]);
    expect(swarm.leaders()).toEqual([1, 2, 3, 4]);
  });

  test("the ranges of a leader that leaves go to those who lead fewest", () => {
    const swarm = elected(3, 4);
    expect(swarm.ranges()?.flat()).toEqual([1, 2, 3, 1]);
    swarm.leave(2);
    expect(swarm.ranges()?.flat()).toEqual([1, 3, 3, 1]);
    swarm.leave(1);
    expect(swarm.ranges()?.flat()).toEqual([3, 3, 3, 3]);
  });

  test("an electorate that shrinks below its ranges shares again", () => {
    const swarm = elected(6, 3, 33);
    for (const n of [6, 5, 4, 3]) swarm.leave(n);
    expect(swarm.ranges()).toEqual([[1], [2], [1]]);
  });

  test("where a standby is needed, nobody stands by for itself", () => {
    const swarm = new Swarm({ ranges: 3, leastLeaders: 2 });
    standing(swarm, 1, 2);
    swarm.settled();
    expect(swarm.ranges()).toEqual([
      [1, 2],
      [2, 1],
      [1, 2],
    ]);
  });
});

describe("stalled leaders of ranges", () => {
  test("are evicted from all ranges they lead, and others take them", () => {
    const swarm = elected(2, 3);
    expect(swarm.report(1, 2)).toMatchObject([{ leaders: [peer(2)] }]);
    expect(swarm.ranges()).toEqual([[2], [2], [2]]);
    swarm.pass(LIMITS.election.evictionMs);
    expect(swarm.ranges()).toEqual([[2], [2], [1]]);
    expect(swarm.leaders()).toEqual([2, 1]);
  });

  test("a leader of any range may be reported", () => {
    const swarm = elected(6, 2);
    expect(swarm.report(2, 5)).toHaveLength(1);
    expect(swarm.ranges()).toEqual([[1], [3]]);
  });
});

describe("how many ranges there may be", () => {
  test("at most one range in hundred/leader-percent: so each has leaders of its own", () => {
    const election = (ranges: number, leaderPercent: number) => () =>
      new Election({ ranges, leaderPercent, deadlineMs: 1, leastLeaders: 1 });
    expect(election(10, 10)).not.toThrow();
    expect(election(3, 33)).not.toThrow();
    expect(election(1, 100)).not.toThrow();
    expect(election(11, 10)).toThrow(
      expect.objectContaining({
        code: "CT_ERR_CONFIG",
        message: "11 ranges x 10 leaders in a hundred candidates is 110, over 100: lower one of them",
      }),
    );
    expect(election(3, 34)).toThrow("3 ranges x 34 leaders");
  });

  test.each([0, -1, 1.5, 21, Number.NaN])("%d ranges are refused", (ranges) => {
    expect(() => new Election({ ranges, leaderPercent: 1, deadlineMs: 1, leastLeaders: 1 })).toThrow(
      expect.objectContaining({
        code: "CT_ERR_CONFIG",
        message: `there must be 1 to 20 ranges, not ${ranges}`,
      }),
    );
  });
});

describe("a snapshot of another number of ranges", () => {
  test.each([
    [1, 3, "1,2 3,5 4,6"],
    [3, 1, "1,4"],
    [2, 3, "1,3 2,4 5,6"],
    [3, 2, "1,4 2,5"],
  ])("of %i restored with %i is settled at once, and who leads stays where it can", (before, now, ranges) => {
    const swarm = elected(24, before);
    const term = swarm.term() ?? 0;
    swarm.election = Election.restore({ ...swarm.options, ranges: now }, swarm.election.snapshot());
    expect(swarm.election.result(A)?.term).toBe(term);
    expect(swarm.election.nextTick()).toBe(0);
    expect(swarm.pass(0)).toHaveLength(1);
    expect(swarm.ranges()?.join(" ")).toBe(ranges);
    expect(swarm.term()).toBeGreaterThan(term);
    expect(swarm.election.nextTick()).toBeUndefined();
    expect(swarm.pass(MINUTE)).toEqual([]);
  });

  test("of an election that has not run waits for its deadline", () => {
    const swarm = new Swarm({ ranges: 2 });
    swarm.stand(1);
    const restored = Election.restore({ ...swarm.options, ranges: 3 }, swarm.election.snapshot());
    expect(restored.nextTick()).toBe(swarm.election.nextTick());
  });

  test("where everyone leads, everyone goes on", () => {
    const swarm = new Swarm({ ranges: 2 });
    swarm.join(1);
    swarm.settled();
    swarm.election = Election.restore({ ...swarm.options, ranges: 1 }, swarm.election.snapshot());
    expect(swarm.pass(0)).toMatchObject([{ leaders: [], everyoneLeads: true }]);
  });
});
