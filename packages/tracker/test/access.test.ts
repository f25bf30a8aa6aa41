import { AccessControl } from "@cachetorrent/tracker";
import { describe, expect, test } from "vitest";
import { addresses, announceQuery, endpoints, OTHER_SWARM, portOf, SWARM, TestTracker } from "./support.ts";

describe("the allow-list", () => {
  test("serves the listed info-hashes only", async () => {
    const tracker = new TestTracker({ access: new AccessControl({ allowList: new Set([SWARM]) }) });
    expect((await tracker.tryAnnounce("a")).ok).toBe(true);
    const refused = await tracker.tryAnnounce("a", { infoHash: OTHER_SWARM });
    expect(refused.ok ? "" : refused.error.message).toBe("this torrent is not tracked here");
    expect((await tracker.stats()).swarms).toBe(1);
    const poll = await tracker.leaders("a", 0, "198.18.1.1", OTHER_SWARM);
    expect(poll.ok ? "" : poll.error.message).toBe("this torrent is not tracked here");
  });

  test("can be replaced while the tracker runs", async () => {
    const access = new AccessControl({ allowList: new Set() });
    const tracker = new TestTracker({ access });
    expect((await tracker.tryAnnounce("a")).ok).toBe(false);
    access.replace({ allowList: new Set([SWARM]) });
    expect((await tracker.tryAnnounce("a")).ok).toBe(true);
  });
});

describe("an info-hash that is withdrawn while the tracker runs", () => {
  const withdrawing = () => {
    const access = new AccessControl({ allowList: new Set([SWARM, OTHER_SWARM]) });
    const tracker = new TestTracker({ access, quorum: 1, peersPerAddress: 2 });
    return { tracker, withdraw: () => access.replace({ allowList: new Set([OTHER_SWARM]) }) };
  };

  test("takes its peers and its election with it; other swarms stay", async () => {
    const { tracker, withdraw } = withdrawing();
    await tracker.join("a", "198.18.1.1", 5);
    await tracker.announce("stock", { from: "198.18.1.2" });
    await tracker.announce("other", { infoHash: OTHER_SWARM });
    withdraw();
    const stats = await tracker.stats();
    expect(stats).toMatchObject({ swarms: 1, peers: 1, members: 0 });
    expect(stats.listed.map(({ infoHash }) => infoHash)).toEqual([OTHER_SWARM]);
    expect((await tracker.get("/metrics")).payload).toContain("cachetorrent_tracker_peers 1\n");
  });

  test("is refused from then on, to who stops, too, and whose poll was open", async () => {
    const { tracker, withdraw } = withdrawing();
    const { ct } = await tracker.join("a", "198.18.1.1", 5);
    const polling = tracker.leaders("a", ct?.leaders?.term ?? 0, "198.18.1.1");
    await tracker.untilPolls(1);
    withdraw();
    const answers = [
      await polling,
      await tracker.tryAnnounce("a", { from: "198.18.1.1" }),
      await tracker.tryAnnounce("a", { from: "198.18.1.1", event: "stopped" }),
    ];
    for (const one of answers)
      expect(one.ok ? "" : one.error.message).toBe("this torrent is not tracked here");
    expect(await tracker.stats()).toMatchObject({ swarms: 0, peers: 0 });
  });

  test("leaves its addresses room for other peers", async () => {
    const { tracker, withdraw } = withdrawing();
    for (const name of ["a", "b"]) await tracker.announce(name);
    expect((await tracker.tryAnnounce("c", { infoHash: OTHER_SWARM })).ok).toBe(false);
    withdraw();
    for (const name of ["c", "d"]) {
      expect((await tracker.tryAnnounce(name, { infoHash: OTHER_SWARM })).ok).toBe(true);
    }
  });
});

describe("a token that is withdrawn while the tracker runs", () => {
  test("refuses its peers, who stop too; they are gone when they expire", async () => {
    const access = new AccessControl({ tokens: new Set(["old"]) });
    const tracker = new TestTracker({ access, intervalMs: 100_000 });
    const path = "/old/announce";
    await tracker.announce("a", { path });
    access.replace({ tokens: new Set(["new"]) });
    for (const event of ["stopped", undefined] as const) {
      const answer = await tracker.tryAnnounce("a", { path, ...(event ? { event } : {}) });
      expect(answer.ok ? "" : answer.error.message).toBe("unknown token");
    }
    expect((await tracker.stats()).peers).toBe(1);
    tracker.clock.advance(205_000);
    expect((await tracker.stats()).peers).toBe(0);
  });
});

describe("tokens", () => {
  const TOKEN = "s3cret-token";
  const guarded = () => new TestTracker({ access: new AccessControl({ tokens: new Set([TOKEN]) }) });

  test("an announce with a token in its path is answered, one without, or with another, is refused", async () => {
    const tracker = guarded();
    expect((await tracker.tryAnnounce("a", { path: `/${TOKEN}/announce` })).ok).toBe(true);
    for (const path of ["/announce", "/other/announce", `/${TOKEN}x/announce`]) {
      const answer = await tracker.tryAnnounce("a", { path });
      expect(answer.ok ? "" : answer.error.message).toMatch(/token/);
    }
  });

  test("a token that is too long, or no text, is refused as any other", async () => {
    const tracker = guarded();
    const [long, broken] = [
      await tracker.get(`/${"x".repeat(2000)}/announce`),
      await tracker.get("/%zz/announce"),
    ];
    expect(long.payload).toBe("d14:failure reason13:unknown tokene");
    expect(broken.payload).toBe("d14:failure reason13:malformed URLe");
    for (const { statusCode, headers } of [long, broken]) {
      expect(statusCode).toBe(200);
      expect(headers["content-type"]).toBe("text/plain");
    }
  });

  test("scrape, leaders and locate want it at the same place", async () => {
    const tracker = guarded();
    for (const name of ["scrape", "leaders", "locate"]) {
      expect((await tracker.get(`/${name}?${announceQuery("a")}`)).payload).toContain("token");
      expect((await tracker.get(`/${TOKEN}/${name}?${announceQuery("a")}`)).payload).not.toContain("token");
    }
  });

  test("a tracker without tokens says so to those who bring one", async () => {
    const answer = await new TestTracker().tryAnnounce("a", { path: "/token/announce" });
    expect(answer.ok ? "" : answer.error.message).toBe("this tracker takes no token: use /announce");
  });

  test("no page of the operator shows a token", async () => {
    const tracker = guarded();
    await tracker.tryAnnounce("a", { path: `/${TOKEN}/announce` });
    await tracker.tryAnnounce("a", { path: "/wrong-token/announce" });
    for (const page of ["/stats.json", "/metrics", "/healthz"]) {
      const response = await tracker.get(page);
      expect(response.statusCode).toBe(200);
      expect(response.payload).not.toMatch(/s3cret|wrong-token/);
    }
  });
});

describe("a trusted proxy", () => {
  const behindProxy = () => new TestTracker({ trustedProxies: addresses("127.0.0.0/8", "198.18.9.0/24") });
  const seenAs = async (tracker: TestTracker, from: string, forwarded: string) => {
    await tracker.announce("a", { from, headers: { "x-forwarded-for": forwarded } });
    return endpoints(await tracker.announce("b", { from: "198.18.2.2" }))[0];
  };

  test("tells where the client is", async () => {
    expect(await seenAs(behindProxy(), "127.0.0.1", "198.18.1.7")).toBe(`198.18.1.7:${portOf("a")}`);
    expect(await seenAs(behindProxy(), "127.0.0.1", "2001:db8:1::7")).toBe(`[2001:db8:1::7]:${portOf("a")}`);
  });

  test("a chain of trusted proxies is followed to the first address that is none", async () => {
    const chain = "203.0.113.66, 198.18.1.7, 198.18.9.4";
    expect(await seenAs(behindProxy(), "127.0.0.1", chain)).toBe(`198.18.1.7:${portOf("a")}`);
  });

  test("from anybody else the header counts for nothing", async () => {
    expect(await seenAs(behindProxy(), "198.18.1.5", "198.18.2.7")).toBe(`198.18.1.5:${portOf("a")}`);
    expect(await seenAs(new TestTracker(), "127.0.0.1", "198.18.2.7")).toBe(`127.0.0.1:${portOf("a")}`);
  });

  test("what is no address ends the chain", async () => {
    expect(await seenAs(behindProxy(), "127.0.0.1", "198.18.1.7, unknown, 198.18.9.4")).toBe(
      `198.18.9.4:${portOf("a")}`,
    );
  });
});
