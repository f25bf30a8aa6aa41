import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import {
  addresses,
  announceQuery,
  endpoints,
  id,
  OTHER_SWARM,
  portOf,
  SWARM,
  TestTracker,
} from "./support.ts";

describe("announce", () => {
  test("peers of a swarm are told of each other, never of themselves", async () => {
    const tracker = new TestTracker();
    expect((await tracker.announce("a", { from: "198.18.1.1" })).peers).toEqual([]);
    const b = await tracker.announce("b", { from: "198.18.2.2" });
    expect(endpoints(b)).toEqual([`198.18.1.1:${portOf("a")}`]);
    const a = await tracker.announce("a", { from: "198.18.1.1" });
    expect(endpoints(a)).toEqual([`198.18.2.2:${portOf("b")}`]);
    expect((await tracker.announce("c", { infoHash: OTHER_SWARM })).peers).toEqual([]);
  });

  test("failures are HTTP 200, text/plain, with a failure reason", async () => {
    const tracker = new TestTracker();
    for (const url of ["/announce", "/announce?info_hash=x", "/scrape?info_hash=x", "/leaders", "/locate"]) {
      const response = await tracker.get(url);
      expect(response.statusCode).toBe(200);
      expect(response.headers["content-type"]).toBe("text/plain");
      expect(response.payload).toMatch(/^d14:failure reason\d+:.+e$/);
    }
  });

  test("a port nobody can be reached at is refused by name", async () => {
    const tracker = new TestTracker();
    const answer = await tracker.tryAnnounce("a", { port: 0 });
    expect(answer.ok ? "" : answer.error.message).toBe("invalid port: 0");
  });

  test("a query longer than the bound is refused by saying so", async () => {
    const tracker = new TestTracker();
    const long = `${announceQuery("a")}&x=${"x".repeat(LIMITS.tracker.queryBytes)}`;
    expect((await tracker.get(`/announce?${long}`)).payload).toContain("longer than");
  });

  test("compact lists by default, dictionaries with compact=0, without ids with no_peer_id", async () => {
    const tracker = new TestTracker();
    await tracker.announce("a");
    const [compact, dictionaries, nameless] = await Promise.all(
      [{}, { compact: false }, { compact: false, noPeerId: true }].map(async (form) => {
        const response = await tracker.get(`/announce?${announceQuery("b", form)}`, "198.18.2.2");
        return response.rawPayload.toString("latin1");
      }),
    );
    expect(compact).toContain("5:peers6:\xc6\x12\x01\x01");
    expect(dictionaries).toContain(`5:peersld2:ip10:198.18.1.17:peer id20:${"a".padEnd(20, ".")}4:port`);
    expect(nameless).toContain("5:peersld2:ip10:198.18.1.14:porti");
    expect(compact).not.toContain("6:peers6");
  });

  test("numwant: none for 0, 50 by default, 200 at most", async () => {
    const tracker = new TestTracker();
    for (let i = 0; i < 260; i++) await tracker.announce(`peer ${i}`, { from: `198.18.1.${i % 250}` });
    const sizes = await Promise.all(
      [0, 7, undefined, 1000].map(async (numwant) => {
        const answer = await tracker.announce("asker", numwant === undefined ? {} : { numwant });
        return new Set(endpoints(answer)).size;
      }),
    );
    expect(sizes).toEqual([0, 7, 50, 200]);
  });

  test("the interval varies by a tenth around the configured one, and the least one is told", async () => {
    const tracker = new TestTracker({ intervalMs: 1_000_000 });
    const intervals = new Set<number>();
    for (let i = 0; i < 50; i++) {
      const { interval, minInterval } = await tracker.announce("a");
      expect(interval).toBeGreaterThanOrEqual(900);
      expect(interval).toBeLessThanOrEqual(1100);
      expect(minInterval).toBe(60);
      intervals.add(interval);
    }
    expect(intervals.size).toBeGreaterThan(10);
  });

  test.each([1, 2, 5, 30, 60, 65, 70, 1800])(
    "with an interval of %i s none is told that is below the least one, and both are above 0",
    async (seconds) => {
      const tracker = new TestTracker({ intervalMs: seconds * 1000 });
      for (let i = 0; i < 50; i++) {
        const { interval, minInterval } = await tracker.announce("a");
        expect(minInterval).toBeGreaterThanOrEqual(1);
        expect(interval).toBeGreaterThanOrEqual(minInterval ?? Infinity);
      }
    },
  );

  test("completeness comes from left, whatever the event says", async () => {
    const tracker = new TestTracker();
    await tracker.announce("seed", { event: "started", left: 5 });
    expect(await tracker.announce("b")).toMatchObject({ complete: 0, incomplete: 2 });
    await tracker.announce("seed", { left: 0 });
    expect(await tracker.announce("b", { event: "completed" })).toMatchObject({ complete: 1, incomplete: 1 });
  });

  test("a peer that stopped is handed out no more", async () => {
    const tracker = new TestTracker();
    await tracker.announce("a");
    await tracker.announce("b", { from: "198.18.2.2" });
    const stopped = await tracker.announce("a", { event: "stopped" });
    expect(stopped.peers).toEqual([]);
    expect(await tracker.announce("b", { from: "198.18.2.2" })).toMatchObject({ peers: [], incomplete: 1 });
  });

  test("stopped from a peer, or a swarm, that nobody knows is fine, and port 0 is too", async () => {
    const tracker = new TestTracker();
    expect((await tracker.tryAnnounce("a", { event: "stopped", port: 0 })).ok).toBe(true);
    expect((await tracker.stats()).swarms).toBe(0);
  });

  test("a peer that is silent for two intervals is gone", async () => {
    const tracker = new TestTracker({ intervalMs: 100_000 });
    await tracker.announce("a");
    tracker.clock.advance(199_000);
    expect((await tracker.stats()).peers).toBe(1);
    tracker.clock.advance(10_000);
    expect(await tracker.stats()).toMatchObject({ peers: 0, swarms: 0 });
  });

  test("a peer has one endpoint per address family, and its AS stays that of its first announce", async () => {
    const tracker = new TestTracker();
    await tracker.join("a", "198.18.1.1");
    await tracker.join("a", "2001:db8:2::1", undefined, { key: "0badcafe" });
    await tracker.join("b", "198.18.1.1");
    const toIPv4 = await tracker.join("x", "198.18.1.9");
    const toIPv6 = await tracker.join("x", "2001:db8:1::9");
    const a = portOf("a");
    expect(endpoints(toIPv4)).toContain(`198.18.1.1:${a}`);
    expect(toIPv4.peers).toHaveLength(2);
    expect(endpoints(toIPv6)).not.toContain(`[2001:db8:2::1]:${a}`);
  });

  test("with its key a peer adds its address of the other family, which askers of that family get", async () => {
    const tracker = new TestTracker();
    await tracker.join("a", "198.18.1.1", undefined, { key: "0badcafe" });
    await tracker.join("a", "2001:db8:2::1", undefined, { key: "0badcafe" });
    const toIPv6 = await tracker.join("x", "2001:db8:1::9");
    expect(endpoints(toIPv6)).toEqual([`[2001:db8:2::1]:${portOf("a")}`]);
    expect(toIPv6.peers[0]?.asn).toBe(1);
    expect(endpoints(await tracker.join("y", "198.18.1.9"))).toContain(`198.18.1.1:${portOf("a")}`);
  });

  test("a client that was killed and came back under another id is listed once", async () => {
    const tracker = new TestTracker();
    await tracker.announce("old", { port: 7000 });
    await tracker.announce("new", { port: 7000 });
    const answer = await tracker.announce("b", { from: "198.18.2.2", compact: false });
    expect(answer.peers.map((peer) => peer.peerId)).toEqual([id("new")]);
  });

  test("an address has so many peers over all swarms, an IPv6 network too, until one is gone", async () => {
    const tracker = new TestTracker({ peersPerAddress: 2 });
    const from = "198.18.1.1";
    await tracker.announce("a", { from });
    await tracker.announce("b", { from, infoHash: OTHER_SWARM });
    const refused = await tracker.tryAnnounce("c", { from });
    expect(refused.ok ? "" : refused.error.message).toBe("your address has too many peers here");
    expect((await tracker.stats()).peers).toBe(2);
    // Those who are there go on, others come in.
    await tracker.announce("a", { from });
    await tracker.announce("d", { from: "198.18.1.2" });
    await tracker.announce("b", { from, infoHash: OTHER_SWARM, event: "stopped" });
    await tracker.announce("b", { from, infoHash: OTHER_SWARM, event: "stopped" });
    await tracker.announce("c", { from });
    expect((await tracker.tryAnnounce("e", { from })).ok).toBe(false);
    await tracker.announce("6a", { from: "2001:db8:1::1" });
    await tracker.announce("6b", { from: "2001:db8:1::2" });
    expect((await tracker.tryAnnounce("6c", { from: "2001:db8:1::3" })).ok).toBe(false);
    await tracker.announce("6d", { from: "2001:db8:1:1::3" });
  });

  test("the tracker has so many peers in all, until one is gone; those refused are counted", async () => {
    const tracker = new TestTracker({ peersInAll: 2 });
    await tracker.announce("a", { from: "198.18.1.1" });
    await tracker.announce("b", { from: "198.18.1.2", infoHash: OTHER_SWARM });
    const refused = await tracker.tryAnnounce("c", { from: "198.18.1.3" });
    expect(refused.ok ? "" : refused.error.message).toBe("this tracker has too many peers");
    expect((await tracker.get("/metrics")).payload).toContain(
      'cachetorrent_tracker_refused_total{route="announce",reason="tracker-full"} 1\n',
    );
    await tracker.announce("a", { from: "198.18.1.1" });
    await tracker.announce("b", { from: "198.18.1.2", infoHash: OTHER_SWARM, event: "stopped" });
    await tracker.announce("c", { from: "198.18.1.3" });
    expect((await tracker.stats()).peers).toBe(2);
  });

  test("peers that expired make room for others of their address", async () => {
    const tracker = new TestTracker({ peersPerAddress: 1 });
    await tracker.announce("a");
    expect((await tracker.tryAnnounce("b")).ok).toBe(false);
    tracker.clock.advance(2 * LIMITS.tracker.intervalMs + 10_000);
    await tracker.announce("b");
  });

  test("ip= counts from a trusted network only", async () => {
    const tracker = new TestTracker({ trustedNetworks: addresses("198.18.1.0/24") });
    const claimedAddress = "198.18.2.99" as never;
    await tracker.announce("trusted", { from: "198.18.1.1", claimedAddress });
    await tracker.announce("liar", { from: "198.18.2.1", claimedAddress });
    expect(endpoints(await tracker.announce("c", { from: "198.18.2.3" }))).toEqual([
      `198.18.2.1:${portOf("liar")}`,
      `198.18.2.99:${portOf("trusted")}`,
    ]);
  });

  test("peers behind one NAT are told each other's local endpoint, others the public one", async () => {
    const tracker = new TestTracker();
    const local = { address: "10.0.0.5" as never, port: 6881 };
    await tracker.join("a", "198.18.1.1", undefined, { port: 6881, member: { local } });
    const inside = await tracker.join("b", "198.18.1.1");
    expect(endpoints(inside)).toEqual(["10.0.0.5:6881"]);
    expect(inside.peers[0]?.asn).toBe(1);
    expect(endpoints(await tracker.join("c", "198.18.1.2"))).toContain("198.18.1.1:6881");
    expect(endpoints(await tracker.announce("stock", { from: "198.18.1.1" }))).toContain("198.18.1.1:6881");
  });

  test("several peers behind one NAT may announce the same public endpoint", async () => {
    const tracker = new TestTracker();
    for (const n of [5, 6, 7]) {
      const local = { address: `10.0.0.${n}` as never, port: 6881 };
      await tracker.join(`nat ${n}`, "198.18.1.1", undefined, { port: 6881, member: { local } });
    }
    const inside = await tracker.join("b", "198.18.1.1");
    expect(endpoints(inside)).toEqual(["10.0.0.5:6881", "10.0.0.6:6881", "10.0.0.7:6881"]);
  });

  test("only members get the ct dictionary, with the AS of each listed peer", async () => {
    const tracker = new TestTracker();
    await tracker.announce("one", { from: "198.18.1.1" });
    await tracker.announce("unknown", { from: "203.0.113.1" });
    expect((await tracker.announce("stock", { from: "198.18.1.3" })).ct).toBeUndefined();
    const member = await tracker.join("member", "198.18.2.1");
    expect(member.ct).toEqual({ asn: 2, policy: { name: "bittorrent" } });
    const asns = Object.fromEntries(member.peers.map((peer) => [peer.endpoint.address, peer.asn]));
    expect(asns).toEqual({ "198.18.1.1": 1, "203.0.113.1": 0, "198.18.1.3": 1 });
    const dictionaries = await tracker.join("member", "198.18.2.1", undefined, { compact: false });
    expect(dictionaries.peers.map((peer) => peer.asn).sort()).toEqual([0, 1, 1]);
    expect((await tracker.join("nowhere", "203.0.113.5")).ct).toEqual({ policy: { name: "bittorrent" } });
  });
});

describe("scrape", () => {
  test("tells complete, incomplete and how many completed; unknown swarms are left out", async () => {
    const tracker = new TestTracker();
    await tracker.announce("a", { left: 5 });
    await tracker.announce("a", { left: 0, event: "completed" });
    await tracker.announce("b", { left: 5, from: "198.18.1.2" });
    const hash = (hex: string) => hex.replaceAll(/../g, "%$&");
    const { payload } = await tracker.get(`/scrape?info_hash=${hash(SWARM)}&info_hash=${hash(OTHER_SWARM)}`);
    expect(payload).toMatch(/^d5:filesd20:.*d8:completei1e10:downloadedi1e10:incompletei1eeee$/);
  });

  test("counts who completed with its last announce, or whose completed event never came, once", async () => {
    const tracker = new TestTracker();
    await tracker.announce("stays", { left: 5, from: "198.18.1.3" });
    for (const left of [5, 0, 0]) await tracker.announce("a", { left });
    await tracker.announce("a", { left: 0, event: "completed" });
    await tracker.announce("b", { left: 5, from: "198.18.1.2" });
    await tracker.announce("b", { left: 0, from: "198.18.1.2", event: "stopped" });
    await tracker.announce("b", { left: 0, from: "198.18.1.2", event: "stopped" });
    const { payload } = await tracker.get(`/scrape?info_hash=${SWARM.replaceAll(/../g, "%$&")}`);
    expect(payload).toContain("10:downloadedi2e");
  });

  test("a full scrape is refused", async () => {
    expect((await new TestTracker().get("/scrape")).payload).toContain("full scrape is not allowed");
  });
});
