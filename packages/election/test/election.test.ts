import { type Asn, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { Election } from "../src/index.ts";
import { A, B, peer, SECOND, START, Swarm, sourceOf } from "./swarm.ts";

describe("when the election runs", () => {
  test("the electorates of all ASes are elected at once when the quorum of candidates has joined", () => {
    const swarm = new Swarm({ quorum: 4 });
    expect(swarm.stand(1, 10, A)).toEqual([]);
    expect(swarm.stand(2, 20, A)).toEqual([]);
    expect(swarm.stand(3, 30, B)).toEqual([]);
    expect(swarm.election.getElected().size).toBe(0);
    expect(swarm.stand(4, 40, B).map(({ asn }) => asn)).toEqual([A, B]);
    expect(swarm.leaders(A)).toEqual([2]);
    expect(swarm.leaders(B)).toEqual([4]);
  });

  test("members that do not stand are no part of the quorum", () => {
    const swarm = new Swarm({ quorum: 2 });
    for (const n of [1, 2, 3, 4]) swarm.join(n);
    swarm.stand(5);
    expect(swarm.leaders()).toBeUndefined();
    swarm.stand(6);
    expect(swarm.leaders()).toEqual([5]);
  });

  test("a candidate that announces again counts once towards the quorum", () => {
    const swarm = new Swarm({ quorum: 2 });
    for (let i = 0; i < 5; i++) expect(swarm.stand(1)).toEqual([]);
    expect(swarm.leaders()).toBeUndefined();
  });

  test("without the quorum, it runs when the deadline after the first candidate is reached", () => {
    const swarm = new Swarm({ quorum: 100, deadlineMs: 5 * SECOND });
    swarm.join(9);
    swarm.now += 60 * SECOND;
    swarm.stand(1);
    swarm.now += 3 * SECOND;
    swarm.stand(2, 2000);
    expect(swarm.election.nextTick()).toBe(START + 65 * SECOND);
    expect(swarm.election.tick(START + 65 * SECOND - 1)).toEqual([]);
    expect(swarm.election.tick(START + 65 * SECOND)).toHaveLength(1);
    expect(swarm.leaders()).toEqual([2]);
    expect(swarm.election.nextTick()).toBeUndefined();
  });

  test("it runs at the deadline although the first candidate has gone", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.stand(2, 1, B);
    swarm.leave(1);
    expect(swarm.pass(5 * SECOND)).toHaveLength(1);
    expect(swarm.leaders(B)).toEqual([2]);
  });

  test("without a candidate there is no deadline, and nobody leads", () => {
    const swarm = new Swarm();
    swarm.join(1);
    expect(swarm.election.nextTick()).toBeUndefined();
    expect(swarm.pass(3600 * SECOND)).toEqual([]);
    expect(swarm.leaders()).toBeUndefined();
  });

  test("nobody leads before it ran, whoever leaves, withdraws or is reported", () => {
    const swarm = new Swarm();
    for (const n of [1, 2, 3]) swarm.stand(n);
    expect(swarm.report(1, 2)).toEqual([]);
    expect(swarm.election.removeCandidate(peer(1), swarm.now)).toEqual([]);
    expect(swarm.leave(2)).toEqual([]);
    expect(swarm.election.getElected().size).toBe(0);
  });

  test("running it again changes nothing", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    expect(swarm.election.runElection(swarm.now)).toHaveLength(1);
    swarm.now += SECOND;
    expect(swarm.election.runElection(swarm.now)).toEqual([]);
  });
});

describe("who joins later", () => {
  test("finds the standing leaders, and changes nothing by joining", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.settled();
    expect(swarm.join(2)).toEqual([]);
    expect(swarm.leaders()).toEqual([1]);
  });

  test("a joiner whose AS has no leader becomes its recorded leader", () => {
    const swarm = new Swarm();
    swarm.stand(1, 1000, A);
    swarm.settled();
    expect(swarm.stand(2, 10, B).at(-1)).toMatchObject({ asn: B, leaders: [peer(2)], everyoneLeads: false });
    expect(swarm.stand(3, 99_999, B)).toEqual([]);
    expect(swarm.leaders(B)).toEqual([2]);
  });

  test("in an electorate without candidates every member leads", () => {
    const swarm = new Swarm();
    swarm.join(1, A);
    swarm.stand(2, 1, B);
    swarm.settled();
    expect(swarm.election.result(A)).toMatchObject({ leaders: [], everyoneLeads: true });
    expect(swarm.join(3, 64502 as Asn)).toMatchObject([{ asn: 64502, leaders: [], everyoneLeads: true }]);
  });

  test("the first candidate of an electorate without candidates is elected at once", () => {
    const swarm = new Swarm();
    swarm.join(1, A);
    swarm.settled();
    expect(swarm.stand(2)).toMatchObject([{ asn: A, leaders: [peer(2)], everyoneLeads: false }]);
  });

  test("a member may stand later", () => {
    const swarm = new Swarm();
    swarm.join(1);
    swarm.settled();
    expect(swarm.stand(1)).toMatchObject([{ leaders: [peer(1)] }]);
  });

  test("joining is idempotent", () => {
    const swarm = new Swarm({ leaderPercent: 100 });
    swarm.stand(1);
    swarm.settled();
    expect(swarm.join(1)).toEqual([]);
    expect(swarm.election.memberCount(A)).toBe(1);
  });

  test("a peer stays in the AS of its first announce", () => {
    const swarm = new Swarm();
    swarm.stand(1, 10, A);
    swarm.stand(1, 10, B);
    swarm.settled();
    expect(swarm.leaders(A)).toEqual([1]);
    expect(swarm.election.memberCount(B)).toBe(0);
  });

  test("a peer of an unknown AS has no electorate", () => {
    const swarm = new Swarm({ quorum: 1 });
    expect(swarm.stand(1, 10, UNKNOWN_ASN)).toEqual([]);
    expect(swarm.election.getElected().size).toBe(0);
    expect(swarm.election.candidate(peer(1))).toBeUndefined();
  });

  test("a candidate that is no member is not recorded", () => {
    const swarm = new Swarm({ quorum: 1 });
    expect(swarm.election.registerCandidate({ peerId: peer(1), up: 1, down: 1 }, START)).toEqual([]);
    expect(swarm.election.nextTick()).toBeUndefined();
  });
});

describe("seats", () => {
  test("the first result is ordered by rank: head, standby, others", () => {
    const swarm = new Swarm({ leaderPercent: 100 });
    swarm.stand(1, 10);
    swarm.stand(2, 30);
    swarm.stand(3, 20);
    swarm.settled();
    expect(swarm.leaders()).toEqual([2, 3, 1]);
  });

  test("leaders keep their seats against a better newcomer", () => {
    const swarm = new Swarm();
    swarm.stand(1, 10);
    swarm.settled();
    expect(swarm.stand(2, 99_999)).toEqual([]);
    expect(swarm.leaders()).toEqual([1]);
  });

  test("new capacity is recorded, and unseats nobody", () => {
    const swarm = new Swarm();
    swarm.stand(1, 30);
    swarm.stand(2, 20);
    swarm.stand(3, 10);
    swarm.settled();
    expect(swarm.stand(1, 1)).toEqual([]);
    expect(swarm.stand(3, 40)).toEqual([]);
    expect(swarm.election.candidate(peer(3))?.up).toBe(40);
    swarm.leave(1);
    expect(swarm.leaders()).toEqual([3]);
  });

  test("seats grow with the electorate at once; the new leader is appended, however strong", () => {
    const swarm = new Swarm({ leaderPercent: 50 });
    swarm.stand(1, 10);
    swarm.stand(2, 5);
    swarm.settled();
    expect(swarm.stand(3, 1)).toEqual([]);
    expect(swarm.stand(4, 99)).toMatchObject([{ leaders: [peer(1), peer(4)] }]);
  });

  test("seats shrink only when a leader leaves", () => {
    const swarm = new Swarm({ leaderPercent: 50 });
    for (const n of [1, 2, 3, 4]) swarm.stand(n, 100 - n);
    swarm.settled();
    expect(swarm.leaders()).toEqual([1, 2]);
    expect(swarm.leave(3)).toEqual([]);
    expect(swarm.leave(4)).toEqual([]);
    expect(swarm.leaders()).toEqual([1, 2]);
    swarm.leave(1);
    expect(swarm.leaders()).toEqual([2]);
  });

  test.each([
    ["stops or expires", (swarm: Swarm) => swarm.leave(1)],
    ["withdraws its candidature", (swarm: Swarm) => swarm.election.removeCandidate(peer(1), swarm.now)],
  ])("when a leader %s, the best of the other candidates takes its seat at once", (_, go) => {
    const swarm = new Swarm();
    swarm.stand(1, 100);
    swarm.stand(2, 10);
    swarm.stand(3, 20);
    swarm.settled();
    expect(go(swarm)).toMatchObject([{ leaders: [peer(3)] }]);
  });

  test("when the head goes, the standby moves up, and the vacancy is filled behind it", () => {
    const swarm = new Swarm({ leastLeaders: 2 });
    swarm.stand(1, 30);
    swarm.stand(2, 20);
    swarm.stand(3, 25);
    swarm.settled();
    expect(swarm.leaders()).toEqual([1, 3]);
    swarm.stand(4, 99);
    swarm.leave(1);
    expect(swarm.leaders()).toEqual([3, 4]);
  });

  test("a leader that left and came back has no claim to its seat", () => {
    const swarm = new Swarm();
    swarm.stand(1, 100);
    swarm.stand(2, 10);
    swarm.settled();
    swarm.leave(1);
    expect(swarm.stand(1, 100)).toEqual([]);
    expect(swarm.leaders()).toEqual([2]);
  });

  test("under policies that need a standby, the second candidate is elected at once", () => {
    const swarm = new Swarm({ leastLeaders: 2 });
    swarm.stand(1, 10);
    swarm.settled();
    expect(swarm.stand(2, 10)).toMatchObject([{ leaders: [peer(1), peer(2)] }]);
    expect(swarm.stand(3, 10)).toEqual([]);
  });

  test("when the last candidate goes, every member leads", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.join(2);
    swarm.settled();
    expect(swarm.leave(1)).toMatchObject([{ asn: A, leaders: [], everyoneLeads: true }]);
  });

  test("the member whose candidature ended stays a member", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.settled();
    expect(swarm.election.removeCandidate(peer(1), swarm.now)).toMatchObject([{ everyoneLeads: true }]);
    expect(swarm.election.memberCount(A)).toBe(1);
    expect(swarm.election.candidate(peer(1))).toBeUndefined();
  });

  test("when the last member goes, the electorate has no result any more", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.settled();
    expect(swarm.leave(1)).toEqual([]);
    expect(swarm.election.result(A)).toBeUndefined();
    expect(swarm.election.getElected().size).toBe(0);
  });

  test("who was never a member leaves without a trace", () => {
    const swarm = new Swarm().settled();
    expect(swarm.leave(7)).toEqual([]);
    expect(swarm.election.removeCandidate(peer(7), swarm.now)).toEqual([]);
  });
});

describe("terms", () => {
  test("the first term is the tracker's clock in milliseconds", () => {
    const swarm = new Swarm();
    swarm.stand(1);
    swarm.election.runElection(START + 0.75);
    expect(swarm.term()).toBe(START);
  });

  test("each change is a new term, even within one millisecond or when the clock went back", () => {
    const swarm = new Swarm({ leaderPercent: 100 });
    swarm.stand(1);
    swarm.election.runElection(START);
    swarm.stand(2);
    expect(swarm.term()).toBe(START + 1);
    swarm.now -= 3600 * SECOND;
    swarm.stand(3);
    expect(swarm.term()).toBe(START + 2);
    swarm.now = START + SECOND;
    swarm.stand(4);
    expect(swarm.term()).toBe(START + SECOND);
  });

  test("the term changes only with the result", () => {
    const swarm = new Swarm();
    for (const n of [1, 2, 3]) swarm.stand(n, 10 - n);
    swarm.settled();
    const before = swarm.election.result(A);
    swarm.stand(4, 99);
    swarm.stand(1, 5);
    swarm.leave(3);
    swarm.election.removeCandidate(peer(2), swarm.now);
    swarm.pass(3600 * SECOND);
    expect(swarm.election.result(A)).toEqual(before);
  });

  test("an AS that empties and fills again within a millisecond goes on above its old terms", () => {
    const swarm = new Swarm({ leaderPercent: 100 });
    swarm.election.runElection(START);
    swarm.stand(1);
    const before = swarm.term() ?? 0;
    swarm.leave(1);
    swarm.stand(2);
    expect(swarm.term()).toBeGreaterThan(before);
  });

  test("a change in one AS is no new term in another", () => {
    const swarm = new Swarm();
    swarm.stand(1, 1, A);
    swarm.stand(2, 1, B);
    swarm.settled();
    const before = swarm.term(B);
    swarm.leave(1);
    expect(swarm.term(B)).toBe(before);
  });
});

describe("what the tracker asks", () => {
  test("the elected, the members and the candidates of each AS", () => {
    const swarm = new Swarm();
    swarm.stand(1, 10, A);
    swarm.join(2, A);
    swarm.stand(3, 30, B);
    swarm.settled();
    expect([...swarm.election.getElected().keys()]).toEqual([A, B]);
    expect(swarm.election.memberCount(A)).toBe(2);
    expect(swarm.election.candidates(A)).toEqual([{ peerId: peer(1), up: 10, down: 10 }]);
    expect(swarm.election.candidates(64999 as Asn)).toEqual([]);
    expect(swarm.election.members()).toContainEqual({ peerId: peer(2), asn: A, source: sourceOf(2) });
  });

  test.each([0, 101, Number.NaN])("a leader percentage of %d is refused", (leaderPercent) => {
    expect(() => new Election({ leaderPercent, deadlineMs: 1, leastLeaders: 1 })).toThrow(/leader percent/);
  });
});
