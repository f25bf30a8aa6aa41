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
