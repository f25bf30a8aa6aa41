import type { TrackerConfig } from "@cachetorrent/tracker";
import { describe, expect, test } from "vitest";
import { configFiles } from "./config-files.ts";
import { startTestTracker, systemClock } from "./daemon.ts";
import { logged } from "./logged.ts";
import { SWARM } from "./support.ts";

describe("what the log says that was loaded", () => {
  test("prefixes, routes of each database, tokens, info-hashes and overrides, at the start and at a reload", async () => {
    const { lines, log } = logged("info");
    const file = await configFiles();
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
