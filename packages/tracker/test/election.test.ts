import { unwrap } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { completeOptions } from "../src/options.ts";
import { id, leaderNames, portOf, TestTracker } from "./support.ts";

/** `count` candidates of AS `asn`, named `asn/1`, `asn/2` …, the first the most able. */
async function candidates(tracker: TestTracker, asn: 1 | 2, count: number): Promise<void> {
  for (let i = 1; i <= count; i++) {
    await tracker.join(`${asn}/${i}`, `198.18.${asn}.${i}`, 1_000_000 - i, { numwant: 0 });
  }
}

async function leadersOf(tracker: TestTracker, name: string, from: string) {
  const answer = await tracker.join(name, from, undefined, { numwant: 0 });
  return leaderNames(answer.ct);
}

describe("the election, over HTTP", () => {
  test("runs for all electorates at once when quorum candidates joined, and not before", async () => {
    const tracker = new TestTracker({ quorum: 4, deadlineMs: 1_000_000 });
    await candidates(tracker, 1, 3);
    const pending = await tracker.join("watcher", "198.18.1.200");
    expect(pending.ct?.leaders).toBeUndefined();
    await candidates(tracker, 2, 1);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
    expect(await leadersOf(tracker, "other watcher", "198.18.2.200")).toEqual(["2/1"]);
  });

  test("runs at the deadline after the first candidate, quorum or not", async () => {
    const tracker = new TestTracker({ quorum: 100, deadlineMs: 5000 });
    await candidates(tracker, 1, 2);
    tracker.clock.advance(4900);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toBeUndefined();
    tracker.clock.advance(200);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
  });

  test("under coordinated, which is the default, an electorate of two or more has a standby", async () => {
    const { leaderPercent, policies } = completeOptions({ leaderPercent: 1 });
    expect(policies).toEqual({
      standard: { name: "coordinated", fetchers: "all", relief: 1, leaderPercent, deadlineMs: 5000 },
      overrides: new Map(),
    });
    const tracker = new TestTracker({ policies, quorum: 1 });
    await candidates(tracker, 1, 1);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
    await candidates(tracker, 1, 20);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1", "1/2"]);
  });

  test("until then members, and only they, are told to come back in 2 s", async () => {
    const tracker = new TestTracker();
    const member = await tracker.join("member", "198.18.1.1", 5);
    expect(member).toMatchObject({ interval: 2, minInterval: 2 });
    expect((await tracker.announce("stock", { from: "198.18.1.2" })).interval).toBeGreaterThan(1000);
    // Of unknown AS: it has no electorate to wait for.
    expect((await tracker.join("nowhere", "203.0.113.1", 5)).interval).toBeGreaterThan(1000);
    tracker.clock.advance(6000);
    expect((await tracker.join("member", "198.18.1.1", 5)).interval).toBeGreaterThan(1000);
  });

  test("a leader that announces without ct=1 leads no more, and is a peer like any stock client", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 2);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
    const answer = await tracker.announce("1/1", { from: "198.18.1.1" });
    expect(answer.ct).toBeUndefined();
    expect(answer.interval).toBeGreaterThan(1000);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/2"]);
    const stats = await tracker.stats();
    expect(stats).toMatchObject({ peers: 3, members: 2 });
    expect(stats.listed[0]?.electorates).toMatchObject([{ members: 2, candidates: 1 }]);
    const poll = await tracker.leaders("1/1", 0, "198.18.1.1");
    expect(poll.ok ? "" : poll.error.message).toBe("unknown peer");
    // With it the peer is a member again, behind those in office.
    await tracker.join("1/1", "198.18.1.1", 1_000_000);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/2"]);
    expect((await tracker.stats()).members).toBe(3);
  });

  test("who announces under a leader's id without ct=1, from elsewhere, unseats nobody", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 1);
    await tracker.announce("1/1", { from: "198.18.1.66" });
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
  });

  test("a candidate at port 0, where nobody reaches it, is refused and stands nowhere", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    const answer = await tracker.tryAnnounce("1/1", {
      from: "198.18.1.1",
      port: 0,
      member: { capacity: { up: 9, down: 9 } },
    });
    expect(answer.ok ? "" : answer.error.message).toBe("invalid port: 0");
    await tracker.join("1/2", "198.18.1.2", 5);
    const again = { from: "198.18.1.2", port: 0, member: { capacity: { up: 9, down: 9 } } };
    expect((await tracker.tryAnnounce("1/2", again)).ok).toBe(false);
    const [electorate] = (await tracker.stats()).listed[0]?.electorates ?? [];
    expect(electorate).toMatchObject({ candidates: 1, leaders: [{ peerId: id("1/2"), up: 5 }] });
  });

  test("members of a swarm without candidates don't wait for ever", async () => {
    const tracker = new TestTracker();
    await tracker.join("member", "198.18.1.1");
    tracker.clock.advance(16_000);
    expect((await tracker.join("member", "198.18.1.1")).interval).toBeGreaterThan(1000);
  });

  test("ranks by upload, then download, then peer id", async () => {
    const tracker = new TestTracker({ deadlineMs: 1000, leaderPercent: 100 });
    const stands = (name: string, up: number, down: number) =>
      tracker.announce(name, { from: "198.18.1.1", member: { capacity: { up, down } } });
    await stands("d", 5, 5);
    await stands("c", 5, 5);
    await stands("b", 5, 6);
    await stands("a", 4, 9);
    await stands("e", 6, 0);
    tracker.clock.advance(1100);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["e", "b", "c", "d", "a"]);
  });

  test("later joiners are told the standing leaders, with endpoint and capacity", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 1);
    const answer = await tracker.join("late", "198.18.1.9", 9_000_000);
    expect(answer.ct?.leaders?.leaders).toEqual([
      {
        peerId: id("1/1"),
        endpoint: { address: "198.18.1.1", port: portOf("1/1") },
        up: 999_999,
        down: 999_999,
      },
    ]);
  });

  test("a candidate whose AS has no leader becomes its recorded leader", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 1);
    await tracker.join("late", "198.18.2.1", 5);
    expect(await leadersOf(tracker, "after", "198.18.2.2")).toEqual(["late"]);
  });

  test("where nobody stands, each member is told that it leads itself, until the first candidate", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 1);
    const alone = await tracker.join("x", "198.18.2.1");
    expect(leaderNames(alone.ct)).toEqual(["x"]);
    expect(alone.ct?.leaders?.leaders[0]?.endpoint).toEqual({ address: "198.18.2.1", port: portOf("x") });
    expect(await leadersOf(tracker, "y", "198.18.2.2")).toEqual(["y"]);
    await tracker.join("z", "198.18.2.3", 1);
    expect(await leadersOf(tracker, "x", "198.18.2.1")).toEqual(["z"]);
  });

  test("a leader that stops is replaced at once by the best of the others, in a newer term", async () => {
    const tracker = new TestTracker({ quorum: 3 });
    await candidates(tracker, 1, 3);
    const before = await tracker.join("watcher", "198.18.1.200");
    await tracker.announce("1/1", { from: "198.18.1.1", event: "stopped" });
    const after = await tracker.join("watcher", "198.18.1.200");
    expect(leaderNames(after.ct)).toEqual(["1/2"]);
    expect(after.ct?.leaders?.term).toBeGreaterThan(before.ct?.leaders?.term ?? Infinity);
  });

  test("a better candidate that comes later unseats nobody", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await candidates(tracker, 1, 1);
    await tracker.join("best", "198.18.1.9", 9_000_000);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
  });

  test("a leader that stands no more loses its seat", async () => {
    const tracker = new TestTracker({ quorum: 2 });
    await candidates(tracker, 1, 2);
    await tracker.join("1/1", "198.18.1.1");
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/2"]);
  });

  test("seats grow with the electorate, later leaders behind the first", async () => {
    const tracker = new TestTracker({ quorum: 10 });
    await candidates(tracker, 1, 19);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
    await tracker.join("best", "198.18.1.100", 9_000_000);
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1", "best"]);
  });

  test("a leader reported by enough members is evicted, and its answers say who leads instead", async () => {
    const tracker = new TestTracker({ quorum: 4 });
    await candidates(tracker, 1, 4);
    tracker.clock.advance(31_000);
    const report = { member: { stalled: id("1/1"), capacity: { up: 5, down: 5 } } };
    await tracker.announce("1/2", { from: "198.18.1.2", ...report });
    // One report, and the leader listens to no feed: its silence of 10 s is long past.
    expect(await leadersOf(tracker, "1/1", "198.18.1.1")).not.toContain("1/1");
  });

  test("one report does not unseat a leader that listens to its feed", async () => {
    const tracker = new TestTracker({ quorum: 5 });
    await candidates(tracker, 1, 5);
    tracker.clock.advance(31_000);
    const { ct } = await tracker.join("1/1", "198.18.1.1", 999_999);
    const poll = tracker.leaders("1/1", ct?.leaders?.term ?? 0, "198.18.1.1");
    await tracker.untilPolls(1);
    await tracker.join("1/2", "198.18.1.2", 999_998, { member: { stalled: id("1/1") } });
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toEqual(["1/1"]);
    await tracker.join("1/3", "198.18.1.3", 999_997, { member: { stalled: id("1/1") } });
    await tracker.join("1/4", "198.18.1.4", 999_996, { member: { stalled: id("1/1") } });
    expect(leaderNames(unwrap(await poll))).toEqual(["1/2"]);
  });

  test("of many leaders 20 are listed: head, standby, and the asker if it leads", async () => {
    const tracker = new TestTracker({ quorum: 30, leaderPercent: 100 });
    await candidates(tracker, 1, 30);
    const watcher = await leadersOf(tracker, "watcher", "198.18.1.200");
    expect(watcher).toHaveLength(20);
    expect(new Set(watcher).size).toBe(20);
    expect(watcher?.slice(0, 2)).toEqual(["1/1", "1/2"]);
    for (let i = 1; i <= 30; i++) {
      const answer = await tracker.join(`1/${i}`, `198.18.1.${i}`, 1_000_000 - i, { numwant: 0 });
      expect(leaderNames(answer.ct)).toContain(`1/${i}`);
    }
  });

  test("swarms elect apart from each other", async () => {
    const tracker = new TestTracker({ quorum: 2 });
    await candidates(tracker, 1, 1);
    await tracker.join("1/2", "198.18.1.2", 5, { infoHash: "bb".repeat(20) as never });
    expect(await leadersOf(tracker, "watcher", "198.18.1.200")).toBeUndefined();
  });
});
