import type { Address } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { A, B, MINUTE, peer, SECOND, Swarm, sourceOf } from "./swarm.ts";

/** A swarm of so many candidates in one AS, all listed for a minute; the head is 1, and its feed is open. */
function swarmOf(members: number): Swarm {
  const swarm = new Swarm({ leaderPercent: 1 });
  for (let n = 1; n <= members; n++) swarm.stand(n, 10_000 - n);
  swarm.settled();
  swarm.election.feedOpened(peer(1));
  return swarm;
}

describe("stall reports", () => {
  test.each([
    [2, 1],
    [3, 1],
    [4, 2],
    [5, 2],
    [6, 3],
    [7, 3],
    [50, 3],
  ])("of %i members, %i must report a leader: half of the others, and three at most", (members, needed) => {
    const swarm = swarmOf(members);
    for (let reports = 1; reports < needed; reports++) {
      expect(swarm.report(1, 1 + reports)).toEqual([]);
    }
    expect(swarm.report(1, 1 + needed)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("count once per source address", () => {
    const swarm = new Swarm();
    swarm.stand(1, 9999);
    for (let n = 2; n <= 8; n++) swarm.join(n, A, sourceOf(n <= 6 ? 200 : n));
    swarm.settled();
    swarm.election.feedOpened(peer(1));
    for (const n of [2, 3, 4, 5, 6, 7]) expect(swarm.report(1, n)).toEqual([]);
    expect(swarm.report(1, 8)).toMatchObject([{ everyoneLeads: true }]);
  });

  test("count once per /64 of IPv6, for one host has all of it", () => {
    const swarm = swarmOf(8);
    const ipv6 = (n: number) => (n < 8 ? `2001:db8::${n}` : "2001:db8:0:1::1") as Address;
    for (let n = 2; n <= 8; n++) swarm.join(n, A, ipv6(n));
    for (const n of [2, 3, 4, 5, 6]) expect(swarm.report(1, n)).toEqual([]);
    expect(swarm.report(1, 8)).toEqual([]);
    swarm.join(7, A, sourceOf(7));
    expect(swarm.report(1, 7)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("reports of one /64 that begin to count later bring no eviction nearer", () => {
    const swarm = swarmOf(8);
    for (const n of [9, 10, 11]) {
      swarm.join(n, A, `2001:db8::${n}` as Address);
      swarm.report(1, n);
    }
    expect(swarm.election.nextTick()).toBeUndefined();
    expect(swarm.pass(MINUTE)).toEqual([]);
  });

  test("count at the address that the member has now", () => {
    const swarm = swarmOf(4);
    swarm.join(2, A, sourceOf(200));
    swarm.join(3, A, sourceOf(200));
    swarm.report(1, 2);
    expect(swarm.report(1, 3)).toEqual([]);
    expect(swarm.join(3, A, sourceOf(3))).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("count once per member, whatever address it comes from by now", () => {
    const swarm = swarmOf(8);
    for (const source of [201, 202, 203]) {
      swarm.join(2, A, sourceOf(source));
      expect(swarm.report(1, 2)).toEqual([]);
    }
  });

  test("count only from members listed for 30 s: an earlier one counts from then on", () => {
    const swarm = swarmOf(2);
    swarm.leave(2);
    swarm.stand(3, 1);
    swarm.now += 10 * SECOND;
    expect(swarm.report(1, 3)).toEqual([]);
    expect(swarm.election.nextTick()).toBe(swarm.now + 20 * SECOND);
    expect(swarm.pass(20 * SECOND - 1)).toEqual([]);
    expect(swarm.pass(1)).toMatchObject([{ leaders: [peer(3)] }]);
    expect(swarm.election.nextTick()).toBe(swarm.now + 10 * MINUTE);
  });

  test("a leader that dies at the start of a swarm leads no longer than its first reporter has to be listed", () => {
    const swarm = new Swarm({ quorum: 50 });
    for (let n = 1; n <= 50; n++) swarm.stand(n, 100 - n);
    expect(swarm.leaders()).toContain(1);
    swarm.now += 10 * SECOND;
    swarm.report(1, 2);
    swarm.pass(20 * SECOND - 1);
    expect(swarm.leaders()).toContain(1);
    swarm.pass(1);
    expect(swarm.leaders()).not.toContain(1);
  });

  test("whoever wants to unseat a leader has to stay: an early report of a member that left never counts", () => {
    const swarm = swarmOf(2);
    swarm.leave(2);
    swarm.stand(3, 1);
    swarm.report(1, 3);
    swarm.now += 29 * SECOND;
    swarm.leave(3);
    swarm.stand(3, 1);
    expect(swarm.election.nextTick()).toBeUndefined();
    expect(swarm.pass(10 * MINUTE)).toEqual([]);
  });

  test("early ones count together with those that come later", () => {
    const swarm = swarmOf(6);
    for (const n of [7, 8]) swarm.stand(n, 1);
    swarm.report(1, 7);
    swarm.now += 5 * SECOND;
    swarm.report(1, 2);
    expect(swarm.election.nextTick()).toBeUndefined();
    swarm.report(1, 8);
    expect(swarm.election.nextTick()).toBe(swarm.now + 25 * SECOND);
    expect(swarm.report(1, 3)).toEqual([]);
    expect(swarm.pass(25 * SECOND)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("count only from members of the leader's own AS", () => {
    const swarm = swarmOf(2);
    swarm.stand(9, 1, B);
    swarm.now += MINUTE;
    expect(swarm.report(1, 9)).toEqual([]);
    expect(swarm.report(1, 99)).toEqual([]);
    expect(swarm.leaders()).toEqual([1]);
  });

  test("a leader cannot report itself, and who does not lead is not reported", () => {
    const swarm = swarmOf(3);
    expect(swarm.report(1, 1)).toEqual([]);
    expect(swarm.report(2, 3)).toEqual([]);
    swarm.leave(1);
    expect(swarm.leaders()).toEqual([2]);
  });

  test("of a member that left count no more", () => {
    const swarm = swarmOf(8);
    swarm.report(1, 2);
    swarm.report(1, 3);
    swarm.leave(2);
    expect(swarm.report(1, 4)).toEqual([]);
    expect(swarm.report(1, 5)).toHaveLength(1);
  });

  test("of ten minutes ago count no more", () => {
    const swarm = swarmOf(8);
    swarm.report(1, 2);
    swarm.report(1, 3);
    swarm.pass(10 * MINUTE);
    expect(swarm.report(1, 4)).toEqual([]);
    expect(swarm.report(1, 2)).toEqual([]);
    expect(swarm.report(1, 3)).toHaveLength(1);
  });

  test("against one leader do not count against another, nor against its next time in office", () => {
    const swarm = new Swarm({ leastLeaders: 2 });
    for (let n = 1; n <= 8; n++) swarm.stand(n, 100 - n);
    swarm.settled();
    for (const n of [1, 2]) swarm.election.feedOpened(peer(n));
    swarm.report(1, 5);
    swarm.report(1, 6);
    expect(swarm.report(2, 7)).toEqual([]);
    swarm.leave(1);
    swarm.leave(2);
    swarm.stand(1, 1000);
    swarm.leave(3);
    swarm.election.feedOpened(peer(1));
    expect(swarm.leaders()).toEqual([4, 1]);
    expect(swarm.report(1, 7)).toEqual([]);
  });

  test("a smaller electorate needs fewer: reports that stand are weighed again", () => {
    const swarm = swarmOf(4);
    expect(swarm.report(1, 2)).toEqual([]);
    expect(swarm.leave(4)).toMatchObject([{ leaders: [peer(2)] }]);
  });
});

describe("one report and a silent feed", () => {
  test("evict a leader whose feed has been closed for 10 s", () => {
    const swarm = swarmOf(50);
    swarm.election.feedClosed(peer(1), swarm.now);
    swarm.now += 10 * SECOND;
    expect(swarm.report(1, 2)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("evict a leader when its feed becomes silent after the report", () => {
    const swarm = swarmOf(50);
    swarm.report(1, 2);
    expect(swarm.election.nextTick()).toBeUndefined();
    swarm.now += SECOND;
    swarm.election.feedClosed(peer(1), swarm.now);
    const silentAt = swarm.now + 10 * SECOND;
    expect(swarm.election.nextTick()).toBe(silentAt);
    expect(swarm.election.tick(silentAt - 1)).toEqual([]);
    expect(swarm.election.tick(silentAt)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("do not evict a leader that polls again in time", () => {
    const swarm = swarmOf(50);
    swarm.report(1, 2);
    swarm.election.feedClosed(peer(1), swarm.now);
    swarm.now += 9 * SECOND;
    swarm.election.feedOpened(peer(1));
    expect(swarm.pass(MINUTE)).toEqual([]);
  });

  test("a poll that opens before the one it replaces closes is no silence", () => {
    const swarm = swarmOf(50);
    swarm.election.feedOpened(peer(1));
    swarm.election.feedClosed(peer(1), swarm.now);
    swarm.now += MINUTE;
    expect(swarm.report(1, 2)).toEqual([]);
  });

  test("silence alone evicts nobody", () => {
    const swarm = swarmOf(50);
    swarm.election.feedClosed(peer(1), swarm.now);
    expect(swarm.pass(60 * MINUTE)).toEqual([]);
  });

  test.each([
    ["the member that reported it left", (swarm: Swarm) => void swarm.leave(2)],
    ["its report is ten minutes old", (swarm: Swarm) => void swarm.pass(10 * MINUTE)],
  ])("do not evict a leader that falls silent when %s", (_, forget) => {
    const swarm = swarmOf(50);
    swarm.report(1, 2);
    forget(swarm);
    swarm.election.feedClosed(peer(1), swarm.now);
    expect(swarm.election.nextTick()).toBeUndefined();
    swarm.pass(MINUTE);
    expect(swarm.election.tick(swarm.now)).toEqual([]);
  });

  test("a leader that never polled has been silent since it joined", () => {
    const swarm = swarmOf(50);
    swarm.leave(1);
    expect(swarm.leaders()).toEqual([2]);
    expect(swarm.report(2, 3)).toMatchObject([{ leaders: [peer(3)] }]);
  });

  test("after a restart of the tracker all feeds are closed, and leaders have 10 s to poll again", () => {
    const swarm = swarmOf(50);
    swarm.election.allFeedsClosed(swarm.now);
    expect(swarm.report(1, 2)).toEqual([]);
    expect(swarm.pass(10 * SECOND)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("the feed of a peer that is no member is of no account", () => {
    const swarm = swarmOf(3);
    swarm.election.feedOpened(peer(99));
    swarm.election.feedClosed(peer(99), swarm.now);
    expect(swarm.leaders()).toEqual([1]);
  });
});

describe("the evicted", () => {
  test("is no candidate for ten minutes", () => {
    const swarm = swarmOf(3);
    swarm.report(1, 2);
    expect(swarm.leaders()).toEqual([2]);
    swarm.leave(2);
    swarm.leave(3);
    expect(swarm.election.result(A)).toMatchObject({ leaders: [], everyoneLeads: true });
    expect(swarm.election.isEvicted(peer(1))).toBe(true);
    expect(swarm.pass(10 * MINUTE - 1)).toEqual([]);
    expect(swarm.pass(1)).toMatchObject([{ leaders: [peer(1)], everyoneLeads: false }]);
    expect(swarm.election.nextTick()).toBeUndefined();
  });

  test("gains nothing by standing again, or by leaving and joining again", () => {
    const swarm = swarmOf(2);
    swarm.report(1, 2);
    expect(swarm.stand(1, 99_999)).toEqual([]);
    swarm.leave(1);
    expect(swarm.stand(1, 99_999)).toEqual([]);
    expect(swarm.leave(2)).toMatchObject([{ leaders: [], everyoneLeads: true }]);
  });

  test("does not count when seats are counted", () => {
    const swarm = new Swarm({ leaderPercent: 50 });
    for (const n of [1, 2, 3, 4]) swarm.stand(n, 10 - n);
    swarm.settled();
    for (const n of [1, 2]) swarm.election.feedOpened(peer(n));
    swarm.report(1, 3);
    expect(swarm.report(1, 4)).toMatchObject([{ leaders: [peer(2)] }]);
  });

  test("counts again when its time is over, behind those in office", () => {
    const swarm = new Swarm({ leaderPercent: 100 });
    swarm.stand(1, 99);
    swarm.stand(2, 1);
    swarm.settled();
    swarm.report(1, 2);
    expect(swarm.leaders()).toEqual([2]);
    expect(swarm.pass(10 * MINUTE)).toMatchObject([{ leaders: [peer(2), peer(1)] }]);
  });

  test("that was the last candidate leaves everyone leading", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.join(2);
    swarm.settled();
    expect(swarm.report(1, 2)).toMatchObject([{ leaders: [], everyoneLeads: true }]);
  });
});
