import { describe, expect, test } from "vitest";
import { decodeElectionSnapshot, Election, type ElectionSnapshot } from "../src/index.ts";
import { A, B, MINUTE, peer, SECOND, Swarm } from "./swarm.ts";

/** Everything a snapshot can hold: a standing result, an eviction, a report, an open feed; ranges if asked for. */
function eventful(ranges = 1): Swarm {
  const swarm = new Swarm({ leastLeaders: 2, ranges });
  for (let n = 1; n <= 6; n++) swarm.stand(n, 100 - n, A);
  swarm.stand(7, 5, B);
  swarm.join(8, B);
  swarm.settled();
  swarm.report(7, 8);
  for (const n of [1, 2]) swarm.election.feedOpened(peer(n));
  swarm.report(1, 3);
  return swarm;
}

function throughAFile(snapshot: ElectionSnapshot): unknown {
  return JSON.parse(JSON.stringify(snapshot));
}

/** The state of the eventful swarm with one value replaced; the path names it, as in `electorates.0.term`. */
function damaged(path: string, value: unknown, ranges = 1): unknown {
  const state = throughAFile(eventful(ranges).election.snapshot());
  const keys = path.split(".");
  const last = keys.pop() ?? "";
  const parent = keys.reduce((at, key) => at[key] as Container, state as Container);
  parent[last] = value;
  return state;
}

interface Container {
  [key: string]: unknown;
}

describe("a snapshot", () => {
  test.each([1, 2, 3])("survives JSON, and the election goes on where it was: ranges %i", (ranges) => {
    const { election, options } = eventful(ranges);
    const decoded = decodeElectionSnapshot(throughAFile(election.snapshot()));
    if (!decoded.ok) throw decoded.error;
    const restored = Election.restore(options, decoded.value);
    expect(restored.snapshot()).toEqual(election.snapshot());
    expect(restored.getElected()).toEqual(election.getElected());
    expect(restored.nextTick()).toBe(election.nextTick());
  });

  test("keeps leaders and term over a restart: who lives is not elected anew", () => {
    const swarm = eventful();
    const before = swarm.election.result(A);
    swarm.election = Election.restore(swarm.options, swarm.election.snapshot());
    swarm.now += MINUTE;
    expect(swarm.stand(3, 97)).toEqual([]);
    expect(swarm.election.runElection(swarm.now)).toEqual([]);
    expect(swarm.election.result(A)).toEqual(before);
  });

  test("keeps terms growing although the clock of the new tracker is behind", () => {
    const swarm = eventful();
    const before = swarm.term() ?? 0;
    swarm.election = Election.restore(swarm.options, swarm.election.snapshot());
    swarm.now -= 24 * 60 * MINUTE;
    swarm.leave(1);
    expect(swarm.term()).toBe(before + 1);
  });

  test("keeps evictions, reports and feeds", () => {
    const swarm = eventful();
    swarm.election = Election.restore(swarm.options, swarm.election.snapshot());
    expect(swarm.election.isEvicted(peer(7))).toBe(true);
    swarm.report(1, 4);
    expect(swarm.leaders()?.[0]).toBe(1);
    swarm.report(1, 5);
    expect(swarm.leaders()).toEqual([2, 3]);
  });

  test("keeps the deadline of an election that has not run", () => {
    const swarm = new Swarm({ deadlineMs: 5 * SECOND });
    swarm.stand(1);
    swarm.election = Election.restore(swarm.options, swarm.election.snapshot());
    expect(swarm.election.nextTick()).toBe(swarm.now + 5 * SECOND);
    expect(swarm.leaders()).toBeUndefined();
  });

  test("is not touched by what happens later", () => {
    const swarm = eventful();
    const snapshot = swarm.election.snapshot();
    const before = throughAFile(snapshot);
    swarm.election.feedOpened(peer(3));
    swarm.stand(1, 1);
    swarm.leave(2);
    expect(throughAFile(snapshot)).toEqual(before);
  });
});

describe("a damaged state", () => {
  const twoStates = [A, B].map((asn) => ({ asn, term: 1, candidates: [], reports: [] }));
  const member = { peerId: peer(1), source: "198.18.0.1", joinedAt: 0, openFeeds: 0, silentSince: 0 };

  test.each<[string, unknown, part: string]>([
    ["nothing", null, "election"],
    ["a list", [], "election"],
    ["a text", "state", "election"],
    ["another version", damaged("version", 2), "version"],
    ["a run that is no boolean", damaged("ran", "yes"), "ran"],
    ["no electorates", damaged("electorates", undefined), "electorates"],
    ["an electorate that is a number", damaged("electorates.0", 1), "electorates"],
    ["a deadline that is no number", damaged("firstCandidateAt", "now"), "firstCandidateAt"],
    ["an eviction without an end", damaged("evictions.0.until", undefined), "until"],
    ["a fractional term", damaged("electorates.0.term", 1.5), "term"],
    ["the unknown AS", damaged("electorates.0.asn", 0), "asn"],
    ["one AS twice", damaged("electorates.1.asn", A), "electorates"],
    [
      "a member of two ASes",
      damaged(
        "electorates",
        twoStates.map((one) => ({ ...one, members: [member] })),
      ),
      "members",
    ],
    ["a member with no address", damaged("electorates.0.members.0.source", "here"), "source"],
    ["a peer id that is none", damaged("electorates.0.members.0.peerId", "xyz"), "peer id"],
    ["an electorate without members", damaged("electorates.1.members", []), "members"],
    ["a candidate that is no member", damaged("electorates.0.candidates.0.peerId", peer(99)), "candidates"],
    ["a candidate twice", damaged("electorates.0.candidates.0.peerId", peer(6)), "candidates"],
    ["a negative capacity", damaged("electorates.0.candidates.0.up", -1), "up"],
    ["a leader that is no candidate", damaged("electorates.0.leaders.0", peer(99)), "leaders"],
    ["a leader twice", damaged("electorates.0.leaders.0", peer(2)), "leaders"],
    ["ranges that are a text", damaged("electorates.0.ranges", "1 2", 2), "ranges"],
    ["a single range", damaged("electorates.0.ranges.length", 1, 2), "ranges"],
    ["too many ranges", damaged("electorates.0.ranges", Array(21).fill([peer(1)]), 2), "ranges"],
    ["a range that is no list", damaged("electorates.0.ranges.0", 1, 2), "ranges"],
    ["a range with a peer id that is none", damaged("electorates.0.ranges.0.0", "xyz", 2), "peer id"],
    ["a range with a stranger", damaged("electorates.0.ranges.0.0", peer(99), 2), "ranges"],
    ["a range with one leader twice", damaged("electorates.0.ranges.0.1", peer(1), 2), "ranges"],
    ["a leader without a range", damaged("electorates.0.ranges.0.length", 1, 2), "ranges"],
    ["a report against no leader", damaged("electorates.0.reports.0.leader", peer(6)), "reports"],
  ])("is refused, and the part named: %s", (_, state, part) => {
    expect(decodeElectionSnapshot(state)).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_STATE", message: `not the state of an election: ${part}` },
    });
  });
});
