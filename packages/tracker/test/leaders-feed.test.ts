import { ManualClock } from "@cachetorrent/clock";
import { unwrap } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { LeadersFeed } from "../src/leaders-feed.ts";
import { id, ip, leaderNames, OTHER_SWARM, SWARM, TestTracker } from "./support.ts";

/** AS 1 with a leader and a watcher, and the term they know. */
async function elected(): Promise<{ tracker: TestTracker; term: number }> {
  const tracker = new TestTracker({ quorum: 1 });
  await tracker.join("leader", "198.18.1.1", 9_000);
  await tracker.join("second", "198.18.1.2", 5_000);
  const { ct } = await tracker.join("watcher", "198.18.1.3");
  return { tracker, term: ct?.leaders?.term ?? 0 };
}

const failure = async (poll: ReturnType<TestTracker["leaders"]>) => {
  const answer = await poll;
  return answer.ok ? "none" : answer.error.message;
};

describe("the leaders' long poll", () => {
  test("is answered at once when the member knows an older term", async () => {
    const { tracker, term } = await elected();
    const ct = unwrap(await tracker.leaders("watcher", term - 1, "198.18.1.3"));
    expect(leaderNames(ct)).toEqual(["leader"]);
    expect(ct).toMatchObject({ asn: 1, leaders: { term } });
  });

  test("waits for the next result of the electorate, and tells it", async () => {
    const { tracker, term } = await elected();
    const poll = tracker.leaders("watcher", term, "198.18.1.3");
    await tracker.untilPolls(1);
    await tracker.announce("leader", { from: "198.18.1.1", event: "stopped" });
    const ct = unwrap(await poll);
    expect(leaderNames(ct)).toEqual(["second"]);
    expect(ct.leaders?.term).toBeGreaterThan(term);
    await tracker.untilPolls(0);
  });

  test("is not answered for what happens in another AS or another swarm", async () => {
    const { tracker, term } = await elected();
    const poll = tracker.leaders("watcher", term, "198.18.1.3");
    await tracker.untilPolls(1);
    await tracker.join("x", "198.18.2.1", 5);
    await tracker.join("y", "198.18.1.4", 5, { infoHash: OTHER_SWARM });
    await tracker.untilPolls(1);
    await tracker.announce("leader", { from: "198.18.1.1", event: "stopped" });
    await poll;
  });

  test("is answered unchanged after 30 s", async () => {
    const { tracker, term } = await elected();
    const poll = tracker.leaders("watcher", term, "198.18.1.3");
    await tracker.untilPolls(1);
    tracker.clock.advance(29_000);
    await tracker.untilPolls(1);
    tracker.clock.advance(1_100);
    expect(unwrap(await poll).leaders?.term).toBe(term);
  });

  test("brings a pending member its first leaders", async () => {
    const tracker = new TestTracker();
    await tracker.join("candidate", "198.18.1.1", 9_000);
    const poll = tracker.leaders("candidate", 0, "198.18.1.1");
    await tracker.untilPolls(1);
    tracker.clock.advance(5_100);
    expect(leaderNames(unwrap(await poll))).toEqual(["candidate"]);
  });

  test("for an unknown peer it fails with those words, and for a stock client too", async () => {
    const { tracker } = await elected();
    await tracker.announce("stock", { from: "198.18.1.9" });
    expect(await failure(tracker.leaders("nobody", 0))).toBe("unknown peer");
    expect(await failure(tracker.leaders("stock", 0, "198.18.1.9"))).toBe("unknown peer");
    expect(await failure(tracker.leaders("watcher", 0, "198.18.1.3", OTHER_SWARM))).toBe("unknown peer");
  });

  test("a member that polls again takes the place of its first poll, which is answered", async () => {
    const { tracker, term } = await elected();
    const first = tracker.leaders("watcher", term, "198.18.1.3");
    await tracker.untilPolls(1);
    const second = tracker.leaders("watcher", term, "198.18.1.3");
    expect(unwrap(await first).leaders?.term).toBe(term);
    await tracker.untilPolls(1);
    tracker.clock.advance(30_100);
    expect(unwrap(await second).leaders?.term).toBe(term);
  });

  test("beyond 64 of one address a member is told to poll by announcing", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await tracker.join("leader", "198.18.1.1", 9_000);
    const polls: Promise<unknown>[] = [];
    for (let i = 0; i < 65; i++) await tracker.join(`m${i}`, "198.18.1.1", undefined, { numwant: 0 });
    for (let i = 0; i < 64; i++) polls.push(tracker.leaders(`m${i}`, Number.MAX_SAFE_INTEGER));
    await tracker.untilPolls(64);
    expect(await failure(tracker.leaders("m64", Number.MAX_SAFE_INTEGER))).toBe("poll by announcing");
    await tracker.join("elsewhere", "198.18.1.2");
    polls.push(tracker.leaders("elsewhere", Number.MAX_SAFE_INTEGER, "198.18.1.2"));
    await tracker.untilPolls(65);
    tracker.clock.advance(30_100);
    await Promise.all(polls);
    await tracker.untilPolls(0);
  });
});

test("a /64 of IPv6 has as many polls as one address, for it is one host", () => {
  const feed = new LeadersFeed(new ManualClock());
  const wait = (n: number, source: string) =>
    feed.wait({ infoHash: SWARM, poller: `${n}`, asn: 1 as never, source: ip(source) });
  const polls = Array.from({ length: 64 }, (_, n) => wait(n, `2001:db8::${n + 1}`));
  expect(polls).not.toContain(undefined);
  expect(wait(64, "2001:db8::ffff:1")).toBeUndefined();
  expect(wait(65, "2001:db8:0:1::1")).toBeDefined();
  polls[0]?.end();
  expect(wait(64, "2001:db8::ffff:1")).toBeDefined();
  feed.close();
});

test("beyond 10,000 polls in all there are no more, until one ends", () => {
  const clock = new ManualClock();
  const feed = new LeadersFeed(clock);
  const wait = (n: number) =>
    feed.wait({ infoHash: SWARM, poller: `${n}`, asn: 1 as never, source: ip(`10.0.${n >> 8}.${n & 255}`) });
  const polls = Array.from({ length: 10_000 }, (_, n) => wait(n));
  expect(polls).not.toContain(undefined);
  expect(wait(10_000)).toBeUndefined();
  polls[0]?.end();
  polls[0]?.end();
  expect(feed.open).toBe(9_999);
  expect(wait(10_000)).toBeDefined();
  feed.close();
  expect([feed.open, clock.nextInMs, wait(1)]).toEqual([0, undefined, undefined]);
});

describe("a poll in a member's name from another address", () => {
  test("is answered, but does not end the member's own", async () => {
    const { tracker, term } = await elected();
    const own = tracker.leaders("watcher", term, "198.18.1.3");
    await tracker.untilPolls(1);
    const foreign = tracker.leaders("watcher", term, "203.0.113.1");
    await tracker.untilPolls(2);
    await tracker.announce("leader", { from: "198.18.1.1", event: "stopped" });
    expect(leaderNames(unwrap(await own))).toEqual(["second"]);
    expect(leaderNames(unwrap(await foreign))).toEqual(["second"]);
  });

  test("does not keep a dead leader in its seat", async () => {
    const { tracker, term } = await elected();
    const own = tracker.leaders("leader", term, "198.18.1.1");
    await tracker.untilPolls(1);
    tracker.clock.advance(30_100);
    await own;
    for (let i = 0; i < 2; i++) {
      const foreign = tracker.leaders("leader", term, "203.0.113.1");
      await tracker.untilPolls(1);
      tracker.clock.advance(30_100);
      await foreign;
    }
    tracker.clock.advance(6_000);
    expect(leaderNames((await tracker.join("watcher", "198.18.1.3")).ct)).toEqual(["second"]);
  });
});

describe("members whose feed closed", () => {
  const listen = async (tracker: TestTracker, name: string, from: string) => {
    const poll = tracker.leaders(name, Number.MAX_SAFE_INTEGER, from);
    await tracker.untilPolls(1);
    tracker.clock.advance(30_100);
    await poll;
  };
  const isListed = async (tracker: TestTracker, name: string) => {
    const { peers } = await tracker.announce("stock", { from: "198.18.1.250", compact: false });
    return peers.some((peer) => peer.peerId === id(name));
  };

  test("are gone a minute later, and a leader among them is replaced", async () => {
    const { tracker } = await elected();
    await listen(tracker, "leader", "198.18.1.1");
    tracker.clock.advance(55_000);
    expect(await isListed(tracker, "leader")).toBe(true);
    tracker.clock.advance(10_000);
    expect(await isListed(tracker, "leader")).toBe(false);
    expect(leaderNames((await tracker.join("watcher", "198.18.1.3")).ct)).toEqual(["second"]);
  });

  test("stay while they come back to it", async () => {
    const { tracker } = await elected();
    for (let i = 0; i < 5; i++) {
      await listen(tracker, "leader", "198.18.1.1");
      tracker.clock.advance(20_000);
    }
    expect(await isListed(tracker, "leader")).toBe(true);
  });

  test("stay when they are complete and lead nothing, for such peers poll no more", async () => {
    const { tracker } = await elected();
    await listen(tracker, "watcher", "198.18.1.3");
    await tracker.join("watcher", "198.18.1.3", undefined, { left: 0, event: "completed" });
    tracker.clock.advance(600_000);
    expect(await isListed(tracker, "watcher")).toBe(true);
  });

  test("stay when they were complete before they were elected: they don't know it yet", async () => {
    const { tracker } = await elected();
    await listen(tracker, "second", "198.18.1.2");
    await tracker.join("second", "198.18.1.2", 5_000, { left: 0, event: "completed" });
    await tracker.announce("leader", { from: "198.18.1.1", event: "stopped" });
    tracker.clock.advance(600_000);
    expect(await isListed(tracker, "second")).toBe(true);
  });

  test("stay when they were told to poll by announcing", async () => {
    const { tracker } = await elected();
    await listen(tracker, "watcher", "198.18.1.3");
    const others: Promise<unknown>[] = [];
    for (let i = 0; i < 64; i++) {
      await tracker.join(`m${i}`, "198.18.1.3", undefined, { numwant: 0 });
      others.push(tracker.leaders(`m${i}`, Number.MAX_SAFE_INTEGER, "198.18.1.3"));
    }
    await tracker.untilPolls(64);
    expect(await failure(tracker.leaders("watcher", Number.MAX_SAFE_INTEGER, "198.18.1.3"))).toBe(
      "poll by announcing",
    );
    tracker.clock.advance(90_000);
    expect(await isListed(tracker, "watcher")).toBe(true);
    await Promise.all(others);
  });
});

describe("locate", () => {
  test("tells the AS of each endpoint, in order, and which of them announced in the swarm", async () => {
    const tracker = new TestTracker();
    await tracker.announce("a", { from: "198.18.1.1", port: 7001 });
    await tracker.announce("b", { from: "2001:db8:2::1", port: 7002 });
    await tracker.announce("elsewhere", { from: "198.18.1.9", port: 7003, infoHash: OTHER_SWARM });
    expect(
      await tracker.locate("a", [
        "198.18.1.1:7001",
        "198.18.1.1:7999",
        "[2001:db8:2::1]:7002",
        "203.0.113.1:1",
        "198.18.1.9:7003",
      ]),
    ).toEqual([
      { asn: 1, known: true },
      { asn: 1, known: false },
      { asn: 2, known: true },
      { asn: 0, known: false },
      { asn: 1, known: false },
    ]);
  });

  test("a neighbour behind the asker's NAT is found by its local address, from that site only", async () => {
    const tracker = new TestTracker();
    const local = (n: number) => ({ member: { local: { address: `10.0.0.${n}` as never, port: 6881 } } });
    await tracker.join("a", "198.18.1.1", undefined, local(1));
    await tracker.join("b", "198.18.1.1", undefined, local(2));
    await tracker.join("c", "198.18.1.2", undefined, local(3));
    expect(await tracker.locate("b", ["10.0.0.1:6881", "10.0.0.1:50000", "10.0.0.9:6881"])).toEqual([
      { asn: 1, known: true },
      { asn: 1, known: false },
      { asn: 0, known: false },
    ]);
    expect(await tracker.locate("c", ["10.0.0.1:6881"], "198.18.1.2")).toEqual([{ asn: 0, known: false }]);
  });

  test("more endpoints than 50 are refused", async () => {
    const tracker = new TestTracker();
    const ep = Array.from({ length: 51 }, () => "c61201011b59").join(",");
    const ids = `info_hash=${"%aa".repeat(20)}&peer_id=${"%61".repeat(20)}`;
    expect((await tracker.get(`/locate?${ids}&ep=${ep}`)).payload).toContain("more than 50 endpoints");
  });
});
