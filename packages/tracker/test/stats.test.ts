import { describe, expect, test } from "vitest";
import { id, OTHER_SWARM, portOf, SWARM, TestTracker } from "./support.ts";

describe("/stats.json", () => {
  test("shows swarms, electorates, and the elected with endpoint, capacity and seniority", async () => {
    const tracker = new TestTracker({ quorum: 3, leaderPercent: 100 });
    await tracker.join("a", "198.18.1.1", 5_000);
    await tracker.join("b", "198.18.1.2", 9_000);
    await tracker.announce("stock", { from: "198.18.1.3" });
    await tracker.join("c", "198.18.2.1", 1_000, { left: 0 });
    await tracker.announce("lonely", { infoHash: OTHER_SWARM });
    const stats = await tracker.stats();
    expect(stats).toMatchObject({ swarms: 2, peers: 5, members: 3 });
    const [swarm] = stats.listed;
    expect(swarm).toMatchObject({
      infoHash: SWARM,
      policy: "bittorrent",
      complete: 1,
      incomplete: 3,
      members: 3,
    });
    const [first, second] = swarm?.electorates ?? [];
    expect(first).toMatchObject({ asn: 1, members: 2, candidates: 2, everyoneLeads: false });
    expect(first?.term).toBeGreaterThan(1_600_000_000_000);
    expect(first?.leaders).toEqual([
      { peerId: id("b"), endpoints: [`198.18.1.2:${portOf("b")}`], up: 9_000, down: 9_000, seniority: 1 },
      { peerId: id("a"), endpoints: [`198.18.1.1:${portOf("a")}`], up: 5_000, down: 5_000, seniority: 2 },
    ]);
    expect(second).toMatchObject({ asn: 2, leaders: [{ peerId: id("c") }] });
  });

  test("shows how many peers of a swarm have no known AS", async () => {
    const tracker = new TestTracker();
    await tracker.announce("a", { from: "198.18.1.1" });
    await tracker.announce("b", { from: "203.0.113.1" });
    await tracker.join("c", "203.0.113.2");
    expect((await tracker.stats()).listed[0]?.unknownAs).toBe(2);
  });

  test("is up to a second old where more swarms are than it lists, and fresh where not", async () => {
    const tracker = new TestTracker();
    const swarm = (n: number) => n.toString(16).padStart(40, "0") as typeof SWARM;
    for (let n = 1; n <= 1000; n++) await tracker.announce("a", { infoHash: swarm(n) });
    expect((await tracker.stats()).swarms).toBe(1000);
    await tracker.announce("a", { infoHash: swarm(1001) });
    const { swarms, listed } = await tracker.stats();
    expect([swarms, listed.length]).toEqual([1001, 1000]);
    await tracker.announce("a", { infoHash: swarm(1002) });
    expect((await tracker.stats()).swarms).toBe(1001);
    tracker.clock.advance(1000);
    expect((await tracker.stats()).swarms).toBe(1002);
    for (const n of [1, 2]) await tracker.announce("a", { infoHash: swarm(n), event: "stopped" });
    expect((await tracker.stats()).swarms).toBe(1000);
  });

  test("before the election an electorate has neither term nor leaders", async () => {
    const tracker = new TestTracker();
    await tracker.join("a", "198.18.1.1", 5_000);
    const [electorate] = (await tracker.stats()).listed[0]?.electorates ?? [];
    expect(electorate).toEqual({
      asn: 1,
      members: 1,
      candidates: 1,
      term: null,
      everyoneLeads: false,
      leaders: [],
    });
  });

  test("sums what members downloaded outside and inside; savings is the share that stayed inside", async () => {
    const tracker = new TestTracker();
    expect((await tracker.stats()).savings).toBeNull();
    await tracker.join("a", "198.18.1.1", undefined, { member: { externalBytes: 100, internalBytes: 200 } });
    await tracker.join("a", "198.18.1.1", undefined, { member: { externalBytes: 100, internalBytes: 500 } });
    await tracker.join("b", "198.18.1.2", undefined, { member: { externalBytes: 0, internalBytes: 200 } });
    expect(await tracker.stats()).toMatchObject({ externalBytes: 100, internalBytes: 700, savings: 0.875 });
  });

  test("the last word of a peer that stops counts, too", async () => {
    const tracker = new TestTracker();
    await tracker.join("stays", "198.18.1.1");
    await tracker.join("a", "198.18.1.2", undefined, { member: { externalBytes: 100, internalBytes: 0 } });
    await tracker.join("a", "198.18.1.2", undefined, {
      event: "stopped",
      member: { externalBytes: 300, internalBytes: 700 },
    });
    expect(await tracker.stats()).toMatchObject({ peers: 1, externalBytes: 300, internalBytes: 700 });
  });

  test("nobody can claim more than it says it downloaded", async () => {
    const tracker = new TestTracker();
    await tracker.join("liar", "198.18.1.1", undefined, {
      downloaded: 1_000,
      member: { externalBytes: 1, internalBytes: 1_000_000_000 },
    });
    expect(await tracker.stats()).toMatchObject({ externalBytes: 1, internalBytes: 999 });
  });
});

describe("/metrics", () => {
  test("counts requests by route and outcome, and shows swarms, peers, members and elections", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await tracker.join("a", "198.18.1.1", 5_000);
    await tracker.announce("stock", { from: "198.18.1.2" });
    await tracker.get("/announce?nonsense");
    await tracker.get("/scrape");
    await tracker.get("/token/announce");
    await tracker.get("/token/announce");
    const { payload, headers } = await tracker.get("/metrics");
    expect(headers["content-type"]).toContain("text/plain");
    for (const line of [
      'cachetorrent_tracker_requests_total{route="announce",outcome="ok"} 2',
      'cachetorrent_tracker_requests_total{route="announce",outcome="CT_ERR_ANNOUNCE"} 1',
      'cachetorrent_tracker_requests_total{route="scrape",outcome="CT_ERR_REFUSED"} 1',
      'cachetorrent_tracker_refused_total{route="announce",reason="token-not-used"} 2',
      'cachetorrent_tracker_refused_total{route="scrape",reason="full-scrape"} 1',
      "cachetorrent_tracker_swarms 1",
      "cachetorrent_tracker_peers 2",
      "cachetorrent_tracker_members 1",
      "cachetorrent_tracker_long_polls 0",
      "cachetorrent_tracker_announce_seconds_count 3",
    ]) {
      expect(payload).toContain(`${line}\n`);
    }
    expect(payload).toMatch(/cachetorrent_tracker_leaders_changes_total [12]\n/);
  });
});

test("/healthz answers", async () => {
  const response = await new TestTracker().get("/healthz");
  expect([response.statusCode, response.json()]).toEqual([200, { status: "ok" }]);
});
