import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { aTorrent, Following, PIECE } from "./support/following.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";

const asksFor = (peer: RawPeer) => peer.count("request");

/** It has had the time to be interested, or to ask. */
async function isLeftAlone(given: Following, raw: RawPeer): Promise<void> {
  await given.pass(1000);
  expect(raw.count("interested")).toBe(raw.count("uninterested"));
  expect(asksFor(raw)).toBe(0);
}

async function acceptAll(tracker: ScriptedTracker): Promise<never> {
  for (;;) (await tracker.next()).accept();
}

describe("a member that was told no leaders yet", () => {
  it("is pending: it downloads inside, uploads to everybody, and wants nothing from outside", async () => {
    const given = await Following.begin({ leaders: [] });
    expect(given.role).toBe("pending");
    const outside = await given.join("127.2.0.9", 1);
    const seed = await given.join("127.2.0.10", 2, "all");
    const inside = await given.join("127.1.0.9", 3);
    inside.wire.have(0);
    given.serve(inside);
    await given.until("it tells of a piece", () => outside.count("have") > 0);
    outside.wire.have(1);
    outside.wire.interested();
    await given.until("it uploads", () => outside.count("unchoke") > 0);
    outside.request(0, 0, PIECE);
    await outside.received("piece");
    for (const raw of [outside, seed]) await isLeftAlone(given, raw);
    expect(seed.isClosed).toBe(false);
  });

  it("is independent when none come within the deadline and 10 s, and a follower when they come at last", async () => {
    const given = await Following.begin({ leaders: [] });
    const seed = await given.join("127.2.0.10", 1, "all");
    const begun = given.clock.now();
    await given.until("it is independent", () => given.role === "independent");
    const waited = given.clock.now() - begun;
    expect(waited).toBeLessThanOrEqual(5000 + LIMITS.tracker.pendingBeyondDeadlineMs + 500);
    expect(waited).toBeGreaterThan(14_000);
    await given.until("it is interested outside", () => seed.count("interested") > 0);
    given.tracker.tell({ leaders: [{ peerId: numberedPeerId(1), endpoint: given.peer.endpoint }] });
    await given.until("it follows", () => given.role === "follower");
    await given.until("it lets the seed go", () => seed.isClosed);
  });

  it("waits anew when a swarm gets leaders by a change of policy", async () => {
    const given = await Following.begin({ leaders: [], policy: { name: "bittorrent" } });
    expect(given.role).toBe("independent");
    await given.pass(20_000);
    given.tracker.tell({ policy: { name: "cache", leaderPercent: 10, deadlineMs: 5000 }, term: 1 });
    await given.until("it is pending", () => given.role === "pending");
    await given.until("it is independent", () => given.role === "independent");
  });
});

describe("a peer is independent at once", () => {
  it("of an unknown AS", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    tracker.tell({ policy: { name: "cache", leaderPercent: 10, deadlineMs: 5000 } });
    const peer = await TestPeer.start(torrent, { at: "127.0.0.9", tracker });
    expect(peer.torrent.status().role).toBe("independent");
  });

  it("with a stock tracker", async () => {
    const torrent = await aTorrent();
    const tracker = await ScriptedTracker.listen();
    void acceptAll(tracker);
    const peer = await TestPeer.start(torrent, { at: "127.1.0.9", tracker });
    expect(peer.torrent.status().role).toBe("independent");
  });

  it("without a tracker", async () => {
    const torrent = await aTorrent();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.9" });
    expect(peer.torrent.status().role).toBe("independent");
  });

  it("under a policy without duties", async () => {
    const given = await Following.begin({ policy: { name: "biased", externalPercent: 10 } });
    expect(given.role).toBe("independent");
    const seed = await given.join("127.2.0.10", 1, "all");
    await given.until("it is interested outside", () => seed.count("interested") > 0);
    expect(given.leader.met).toEqual([]);
  });
});

describe("a follower", () => {
  it("is not interested outside and asks for nothing there, though it uploads there", async () => {
    const given = await Following.begin();
    expect(given.role).toBe("follower");
    const outside = await given.join("127.2.0.9", 1);
    outside.wire.have(3);
    const inside = await given.join("127.1.0.9", 2);
    inside.wire.have(0);
    given.serve(inside);
    await given.until("it tells of a piece", () => outside.count("have") > 0);
    outside.wire.unchoke();
    outside.wire.interested();
    await given.until("it uploads", () => outside.count("unchoke") > 0);
    outside.request(0, 0, PIECE);
    await outside.received("piece");
    await isLeftAlone(given, outside);
  });

  it("leaves an outside seed alone, and dials it again when it leads", async () => {
    const given = await Following.begin({ outsideSeeds: 1 });
    const met = given.outsideSeeds[0]?.met ?? [];
    await given.until("it has dialled the seed and let it go", () => met[0]?.isClosed === true);
    await given.pass(30_000);
    expect(met).toHaveLength(1);
    expect(met.map(asksFor)).toEqual([0]);
    given.tracker.tell({ leaders: [given.peer] });
    await given.until("it leads", () => given.role === "leader");
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.peer.accounts.escapes).toBe(0);
    expect(given.peer.torrent.status().externalBytes).toBe(given.torrent.content.length);
  });

  it("leads when everybody does", async () => {
    const given = await Following.begin();
    given.tracker.tell({ leaders: [...given.leaders, given.peer] });
    await given.until("it leads", () => given.role === "leader");
    const outside = await given.join("127.2.0.9", 1);
    outside.wire.have(3);
    await given.until("it is interested outside", () => outside.count("interested") > 0);
  });

  it("follows the leaders of a newer term, and tells the old ones that it needs nothing", async () => {
    const given = await Following.begin({ outside: 2, leaders: ["starts", "starts"] });
    const [old, young] = given.leaders;
    given.tracker.tell({ leaders: old ? [old] : [] });
    await given.until("the old one is asked", () => (old?.asked.length ?? 0) >= 2);
    const before = young?.asked.length ?? 0;
    given.tracker.tell({ leaders: young ? [young] : [] });
    await given.until("the new one is asked", () => (young?.asked.length ?? 0) >= before + 2);
    await given.until("the old one hears of it", () => (old?.stopped.length ?? 0) >= 2);
    expect(given.tracker.reports).toEqual([]);
    expect(given.role).toBe("follower");
  });

  it("is pending when all leaders are gone", async () => {
    const given = await Following.begin({ outside: 1 });
    await given.until("its leader is asked", () => given.leader.asked.length > 0);
    given.tracker.tell({ leaders: [] });
    await given.until("it is pending", () => given.role === "pending");
    await given.until("it is independent", () => given.role === "independent");
  });

  it("is independent when the policy becomes one without duties, and drops what was forwarded", async () => {
    const given = await Following.begin({ outside: 1 });
    await given.until("its leader is asked", () => given.leader.asked.length > 0);
    given.leader.tell({ m: "fwd_have", pieces: [1, 2] });
    await given.until("it is interested", () => given.leader.raw.count("interested") > 0);
    const outside = await given.join("127.2.0.9", 1);
    outside.wire.have(3);
    given.tracker.tell({ policy: { name: "bittorrent" }, leaders: given.leaders });
    await given.until("it is independent", () => given.role === "independent");
    await given.until("it is interested outside", () => outside.count("interested") > 0);
    await given.until("not in the leader", () => given.leader.raw.count("uninterested") > 0);
  });
});
