import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { Agent } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Address, formatEndpoint, type InfoHash, LIMITS } from "@cachetorrent/protocol";
import { type TrackerConfig, TrackerConfigSchema } from "@cachetorrent/tracker";
import { Value } from "typebox/value";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  announceTo,
  ManualClock,
  poll,
  request,
  startTestTracker,
  systemClock,
  untilPolls,
} from "./daemon.ts";
import { logged } from "./logged.ts";
import { announceQuery, config, endpoints, leaderNames, OTHER_SWARM, portOf, SWARM } from "./support.ts";

const THIRD_SWARM = "cc".repeat(20) as typeof SWARM;

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ct-tracker-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, text: string): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, text);
  return path;
}

describe("a listening tracker", () => {
  test("picks a port for 0, and sees peers at the addresses they come from", async () => {
    const tracker = await startTestTracker();
    expect(tracker.endpoint.port).toBeGreaterThan(0);
    await announceTo(tracker, "a", { from: "127.1.0.1" });
    const b = await announceTo(tracker, "b", { from: "127.2.0.1", member: {} });
    expect(endpoints(b)).toEqual([`127.1.0.1:${portOf("a")}`]);
    expect(b.peers[0]?.asn).toBe(1);
    expect(b.ct?.asn).toBe(2);
  });

  test("serves IPv6", async () => {
    const tracker = await startTestTracker({ listen: "[::1]:0" });
    await announceTo(tracker, "a", { member: {} });
    const b = await announceTo(tracker, "b", { member: {} });
    expect(b.peers).toEqual([{ endpoint: { address: "::1", port: portOf("a") }, asn: 6 }]);
    const { body } = await request(tracker, `/announce?${announceQuery("c")}`);
    expect(body.toString("latin1")).toContain("5:peers0:6:peers636:");
  });

  test("at :: it sees IPv4 clients at their IPv4 addresses", async () => {
    const tracker = await startTestTracker({ listen: "[::]:0" });
    const overIPv4 = { ...tracker, endpoint: { ...tracker.endpoint, address: "127.0.0.1" as never } };
    const overIPv6 = { ...tracker, endpoint: { ...tracker.endpoint, address: "::1" as never } };
    await announceTo(overIPv4, "a", { from: "127.1.0.1" });
    const b = await announceTo(overIPv6, "b", { member: {} });
    expect(endpoints(b)).toEqual([`127.1.0.1:${portOf("a")}`]);
    expect(b.peers[0]?.asn).toBe(1);
  });

  test("keeps connections open for the next announce", async () => {
    const tracker = await startTestTracker();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ports = [];
    for (const name of ["a", "b", "c"]) {
      ports.push((await request(tracker, `/announce?${announceQuery(name)}`, { agent })).localPort);
    }
    agent.destroy();
    expect(new Set(ports).size).toBe(1);
  });

  test("names the port that is taken", async () => {
    const tracker = await startTestTracker();
    const listen = formatEndpoint(tracker.endpoint);
    await expect(startTestTracker({ listen })).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_PORT_TAKEN", message: `listen: ${listen} is taken` }),
    );
  });

  test("names an address that is not this machine's", async () => {
    await expect(startTestTracker({ listen: "203.0.113.1:0" })).rejects.toThrow(
      /no address 203\.0\.113\.1:0/,
    );
  });

  test("pushes new leaders over an open connection", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "leader", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    await announceTo(tracker, "next", { from: "127.1.0.2", member: { capacity: { up: 5, down: 5 } } });
    const { ct } = await announceTo(tracker, "watcher", { from: "127.1.0.3", member: {} });
    const pushed = poll(tracker, "watcher", ct?.leaders?.term ?? 0, { from: "127.1.0.3" });
    await untilPolls(tracker, 1);
    await announceTo(tracker, "leader", { from: "127.1.0.1", event: "stopped" });
    expect(leaderNames(await pushed)).toEqual(["next"]);
  });

  test("forgets the long poll of a client that hangs up", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    const hangUp = new AbortController();
    const polling = poll(tracker, "a", Number.MAX_SAFE_INTEGER, { from: "127.1.0.1", signal: hangUp.signal });
    await untilPolls(tracker, 1);
    hangUp.abort();
    await expect(polling).rejects.toThrow();
    await untilPolls(tracker, 0);
  });

  test("answers open polls when it stops, and stops in spite of connections kept alive or half used", async () => {
    const tracker = await startTestTracker();
    await announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 9, down: 9 } } });
    const agent = new Agent({ keepAlive: true });
    const polling = poll(tracker, "a", Number.MAX_SAFE_INTEGER, { from: "127.1.0.1", agent });
    await untilPolls(tracker, 1);
    const halfUsed = connect(tracker.endpoint.port, "127.0.0.1");
    halfUsed.on("error", () => halfUsed.destroy());
    const closed = new Promise((resolve) => halfUsed.once("close", resolve));
    halfUsed.write("GET /announce HTTP/1.1\r\nHost: ");
    await Promise.all([tracker.stop(), tracker.stop()]);
    expect(leaderNames(await polling)).toEqual(["a"]);
    await closed;
    agent.destroy();
  });
});

describe("a configured tracker", () => {
  test("every default passes the schema, and unknown settings do not", () => {
    expect(Value.Check(TrackerConfigSchema, config({}))).toBe(true);
    expect(Value.Check(TrackerConfigSchema, { ...config({}), quorums: 3 })).toBe(false);
  });

  test("takes policies, for all swarms and for single ones, from its configuration", async () => {
    const tracker = await startTestTracker({
      policy: "biased",
      "external-percent": 0,
      swarms: { [OTHER_SWARM.toUpperCase()]: { "external-percent": 100 } },
    });
    for (const infoHash of [SWARM, OTHER_SWARM]) {
      await announceTo(tracker, "in", { infoHash, from: "127.1.0.1" });
      await announceTo(tracker, "out", { infoHash, from: "127.2.0.1" });
    }
    const ask = async (infoHash: typeof SWARM) => {
      const answer = await announceTo(tracker, "x", { infoHash, from: "127.1.0.9", member: {}, numwant: 1 });
      return { policy: answer.ct?.policy, peers: endpoints(answer) };
    };
    expect(await ask(SWARM)).toEqual({
      policy: { name: "biased", externalPercent: 0 },
      peers: [`127.1.0.1:${portOf("in")}`],
    });
    expect(await ask(OTHER_SWARM)).toEqual({
      policy: { name: "biased", externalPercent: 100 },
      peers: [`127.2.0.1:${portOf("out")}`],
    });
  });

  test("takes hand-out, ranges and leader percentage, for all swarms and for single ones", async () => {
    const tracker = await startTestTracker({
      policy: "cache",
      "leader-percent": 20,
      "external-percent": 30,
      deadline: 7,
      swarms: {
        [OTHER_SWARM]: { policy: "multi", ranges: 3, "leader-percent": 33, "hand-out": "biased" },
        [THIRD_SWARM]: { policy: "multi", "hand-out": "biased", "external-percent": 40 },
      },
    });
    const policyOf = async (infoHash: typeof SWARM) =>
      (await announceTo(tracker, "a", { infoHash, member: {} })).ct?.policy;
    const deadlineMs = 7000;
    expect(await policyOf(SWARM)).toEqual({ name: "cache", leaderPercent: 20, deadlineMs });
    expect(await policyOf(OTHER_SWARM)).toEqual({
      name: "multi",
      ranges: 3,
      leaderPercent: 33,
      externalPercent: 30,
      deadlineMs,
    });
    expect(await policyOf(THIRD_SWARM)).toEqual({
      name: "multi",
      ranges: 2,
      leaderPercent: 20,
      externalPercent: 40,
      deadlineMs,
    });
  });

  test("elects as many leaders, and when so many candidates joined, as its configuration says", async () => {
    const tracker = await startTestTracker({ quorum: 4, "leader-percent": 50 });
    const join = async (name: string) =>
      leaderNames(
        (await announceTo(tracker, name, { from: "127.1.0.1", member: { capacity: { up: 1, down: 1 } } })).ct,
      );
    for (const name of ["a", "b", "c"]) expect(await join(name)).toBeUndefined();
    expect(await join("d")).toEqual(["a", "b"]);
  });

  test("elects after the deadline and answers with the interval of its configuration", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const tracker = await startTestTracker({ quorum: 100, deadline: 7.5, interval: 600 }, clock);
    const announce = () =>
      announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 1, down: 1 } } });
    await announce();
    clock.advance(7499);
    expect((await announce()).ct?.leaders).toBeUndefined();
    clock.advance(2);
    const { ct, interval } = await announce();
    expect(leaderNames(ct)).toEqual(["a"]);
    expect(interval).toBeGreaterThanOrEqual(540);
    expect(interval).toBeLessThanOrEqual(660);
  });

  test("believes X-Forwarded-For of its trusted proxies, and ip= of its trusted networks", async () => {
    const tracker = await startTestTracker({
      "trust-proxy": ["127.0.0.9/32"],
      "trust-ip": ["127.0.0.8/32"],
    });
    const headers = { "x-forwarded-for": "127.1.0.5" };
    const claimedAddress = "127.2.0.5" as Address;
    await announceTo(tracker, "by proxy", { from: "127.0.0.9", headers, claimedAddress });
    await announceTo(tracker, "by claim", { from: "127.0.0.8", headers, claimedAddress });
    const { peers } = await announceTo(tracker, "x");
    expect(peers.map((peer) => peer.endpoint.address).sort()).toEqual(["127.1.0.5", "127.2.0.5"]);
  });

  test("reads allow-list and tokens from files, and again when asked to", async () => {
    const allowList = await file("allowed", `# ours\n${SWARM.toUpperCase()}\n`);
    const tokens = await file("tokens", "first # for the lab\n");
    const tracker = await startTestTracker({ "allow-list": allowList, tokens });
    const announce = (path: string, infoHash = SWARM) => announceTo(tracker, "a", { path, infoHash });
    await announce("/first/announce");
    await expect(announce("/second/announce")).rejects.toThrow("unknown token");
    await expect(announce("/first/announce", OTHER_SWARM)).rejects.toThrow("not tracked here");
    await file("allowed", `${OTHER_SWARM}\n`);
    await file("tokens", "second\n");
    await tracker.reload();
    await announce("/second/announce", OTHER_SWARM);
    await expect(announce("/first/announce", OTHER_SWARM)).rejects.toThrow("unknown token");
    await file("tokens", "se cond\n");
    await expect(tracker.reload()).rejects.toThrow(`tokens ${tokens}:1: a token is`);
    await announce("/second/announce", OTHER_SWARM);
  });

  test("reads AS table and route databases again when asked to; peers keep the AS they had", async () => {
    const table = await file("sites", "127.3.0.0/16 3\n");
    const routes = await file("internet.csv", "127.4.0.0,127.4.255.255,4,a\n");
    const tracker = await startTestTracker({ "as-table": table, "route-db": [routes] });
    const asOf = async (name: string, from: string) =>
      (await announceTo(tracker, name, { from, member: {} })).ct?.asn;
    expect([await asOf("a", "127.3.0.1"), await asOf("b", "127.4.0.1")]).toEqual([3, 4]);
    await file("sites", "127.3.0.0/16 33\n");
    await file("internet.csv", "127.4.0.0,127.4.255.255,44,a\n");
    await tracker.reload();
    expect([await asOf("new a", "127.3.0.2"), await asOf("new b", "127.4.0.2")]).toEqual([33, 44]);
    expect([await asOf("a", "127.3.0.1"), await asOf("b", "127.4.0.1")]).toEqual([3, 4]);
  });

  test("a reload with one bad file changes nothing, not even what the good ones say", async () => {
    const table = await file("sites", "127.3.0.0/16 3\n");
    const tokens = await file("keys", "first\n");
    const tracker = await startTestTracker({ "as-table": table, tokens });
    await file("sites", "127.3.0.0/16 3\n127.3.0.0/16 4\n");
    await file("keys", "second\n");
    await expect(tracker.reload()).rejects.toThrow(`${table}:2: 127.3.0.0/16 is AS 3 by ${table}:1, not 4`);
    const announced = { from: "127.3.0.1", path: "/first/announce", member: {} };
    expect((await announceTo(tracker, "a", announced)).ct?.asn).toBe(3);
  });

  test.each<[Partial<TrackerConfig>, string]>([
    [{ policy: "multi", ranges: 11 }, "ranges and leader-percent: 11 ranges x 10 leaders"],
    [{ policy: "multi", "leader-percent": 51 }, "ranges and leader-percent: 2 ranges x 51 leaders"],
    [
      { policy: "multi", "leader-percent": 40, swarms: { [OTHER_SWARM]: { ranges: 3 } } },
      `swarms.${OTHER_SWARM}: ranges and leader-percent: 3 ranges x 40 leaders`,
    ],
    [
      { swarms: { [OTHER_SWARM.toUpperCase()]: { policy: "multi", "leader-percent": 60 } } },
      `swarms.${OTHER_SWARM}: ranges and leader-percent: 2 ranges x 60 leaders`,
    ],
  ])("more ranges than there can be leaders for fail by name: %j", async (settings, message) => {
    await expect(startTestTracker(settings)).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_CONFIG", message: expect.stringContaining(message) }),
    );
  });

  test("without another policy it is coordinated, with its numbers as configured", async () => {
    expect(config({})).toMatchObject({ policy: "coordinated", fetchers: "all", relief: 1 });
    const own = { fetchers: "all", relief: 1.5 } as const;
    const tracker = await startTestTracker({
      policy: config({}).policy,
      fetchers: "leaders",
      deadline: 3,
      "leader-percent": 20,
      swarms: { [OTHER_SWARM]: own },
    });
    const told = async (infoHash: InfoHash) =>
      (await announceTo(tracker, "a", { infoHash, from: "127.1.0.1", member: {} })).ct?.policy;
    const numbers = { name: "coordinated", deadlineMs: 3000, leaderPercent: 20 };
    expect(await told(SWARM)).toEqual({ ...numbers, fetchers: "leaders", relief: 1 });
    expect(await told(OTHER_SWARM)).toEqual({ ...numbers, ...own });
  });

  test.each([
    [{ relief: 0.99 }],
    [{ relief: LIMITS.claims.reliefMost + 1 }],
    [{ fetchers: "some" as never }],
    [{ swarms: { [SWARM]: { relief: 0 } } }],
  ])("%j is no configuration", (settings) => {
    expect(() => config(settings)).toThrow();
  });

  test("ranges are of no account under policies that have none", async () => {
    const swarms = { [OTHER_SWARM]: { policy: "cache" as const, "leader-percent": 100 } };
    await startTestTracker({ "leader-percent": 60, ranges: 20, swarms });
  });

  test.each([
    [{ "trust-proxy": ["proxy"] }, "CT_ERR_CONFIG", "trust-proxy: not an address block"],
    [{ "trust-ip": ["10.0.0.0/40"] }, "CT_ERR_CONFIG", "trust-ip: the prefix length"],
    [{ "as-prefix": ["10.0.0.0/8"] }, "CT_ERR_AS_TABLE", "as-prefix 10.0.0.0/8: not an AS number: missing"],
    [{ "as-table": "/nowhere/table" }, "CT_ERR_CONFIG", "as-table: cannot read /nowhere/table"],
    [{ "allow-list": "/nowhere/list" }, "CT_ERR_CONFIG", "allow-list: cannot read /nowhere/list"],
    [{ listen: "localhost:1" }, "CT_ERR_ADDRESS", "not an address and port"],
  ])("%j fails by name", async (settings, code, message) => {
    await expect(startTestTracker(settings)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });

  test("an allow-list with something else in it is refused with its line", async () => {
    const allowList = await file("bad-list", `${SWARM}\nubuntu.iso\n`);
    await expect(startTestTracker({ "allow-list": allowList })).rejects.toThrow(
      `allow-list ${allowList}:2: not an info-hash`,
    );
  });
});

describe("what the log says that was loaded", () => {
  test("prefixes, routes of each database, tokens, info-hashes and overrides, at the start and at a reload", async () => {
    const { lines, log } = logged("info");
    const table = await file("table", "127.3.0.0/16 3\n127.4.0.0/16 4\n");
    const routes = await file("routes.csv", "198.18.0.0,198.18.0.255,1,a\n198.18.1.0,198.18.1.255,2,b\n");
    const tokens = await file("some-tokens", "first\nsecond\n");
    const settings = {
      "as-table": table,
      "route-db": [routes],
      tokens,
      "allow-list": await file("one-hash", `${SWARM}\n`),
      swarms: { [SWARM]: { policy: "biased" as const } },
    };
    const tracker = await startTestTracker(settings, systemClock, log);
    const loaded = { prefixes: 5, routes: { [routes]: 2 }, infoHashes: 1, swarmOverrides: 1 };
    expect(lines).toMatchObject([{ event: "started", policy: "bittorrent", tokens: 2, ...loaded }]);
    await file("some-tokens", "first\n");
    await tracker.reload();
    expect(lines[1]).toMatchObject({ event: "reloaded", tokens: 1, ...loaded });
  });

  const warnings = async (settings: Partial<TrackerConfig>) => {
    const { lines, log } = logged("warn");
    await startTestTracker({ "as-prefix": [], ...settings }, systemClock, log);
    return lines.map((line) => line.msg);
  };

  test("sites that are named to a policy which pays them no heed are warned of", async () => {
    expect(await warnings({ "as-prefix": ["127.1.0.0/16=1"] })).toEqual([
      "policy bittorrent pays no heed to the sites that you named: --policy coordinated, the default, does",
    ]);
  });

  test("options that the policies in use do not look at are warned of", async () => {
    const sites = { "as-prefix": ["127.1.0.0/16=1"] };
    expect(await warnings({ ...sites, policy: "cache", ranges: 5, "external-percent": 30 })).toEqual([
      "ranges has no effect under policy cache",
      "external-percent has no effect under policy cache",
    ]);
    expect(await warnings({ ...sites, policy: "biased", "hand-out": "biased" })).toEqual([
      "hand-out has no effect under policy biased",
    ]);
    expect(await warnings({ ...sites, policy: "cache", fetchers: "leaders", relief: 1.5 })).toEqual([
      "fetchers has no effect under policy cache",
      "relief has no effect under policy cache",
    ]);
    const inVain = { "hand-out": "biased", "external-percent": 30 } as const;
    expect(await warnings({ ...sites, ...inVain, policy: "coordinated" })).toEqual([
      "hand-out has no effect under policy coordinated",
      "external-percent has no effect under policy coordinated",
    ]);
    const fetching = { fetchers: "leaders", relief: 1.5 } as const;
    expect(await warnings({ ...sites, ...fetching, policy: "coordinated" })).toEqual([]);
    expect(
      await warnings({ ...sites, policy: "cache", swarms: { [SWARM]: { policy: "multi", relief: 2 } } }),
    ).toEqual([`swarms.${SWARM}: relief has no effect under policy multi`]);
    const biased = { ...sites, "hand-out": "biased" as const, "external-percent": 30 };
    expect(await warnings({ ...biased, policy: "multi", ranges: 3 })).toEqual([]);
    const swarm = { policy: "bittorrent" as const, "leader-percent": 20 };
    expect(await warnings({ ...sites, policy: "cache", swarms: { [SWARM]: swarm } })).toEqual([
      `swarms.${SWARM}: leader-percent has no effect under policy bittorrent`,
    ]);
  });

  test("a policy that needs ASes and has none is warned of", async () => {
    const biased = { policy: "biased" as const };
    expect(await warnings({})).toEqual([]);
    expect(await warnings(biased)).toEqual([expect.stringContaining("policy biased does nothing")]);
    expect(await warnings({ swarms: { [SWARM]: biased } })).toHaveLength(1);
    expect(await warnings({ policy: "cache", swarms: { [SWARM]: { policy: "multi" } } })).toEqual([
      expect.stringContaining("policy cache, multi does nothing"),
    ]);
    expect(await warnings({ ...biased, "as-prefix": ["127.1.0.0/16=1"] })).toEqual([]);
  });
});
