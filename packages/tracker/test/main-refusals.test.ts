import { LIMITS } from "@cachetorrent/protocol";
import { type TrackerConfig, TrackerConfigSchema } from "@cachetorrent/tracker";
import { Value } from "typebox/value";
import { describe, expect, test } from "vitest";
import { startTestTracker } from "./daemon.ts";
import { config, OTHER_SWARM, SWARM } from "./support.ts";

describe("a configured tracker", () => {
  test("every default passes the schema, and unknown settings do not", () => {
    expect(Value.Check(TrackerConfigSchema, config({}))).toBe(true);
    expect(Value.Check(TrackerConfigSchema, { ...config({}), quorums: 3 })).toBe(false);
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
    [{ "as-prefix": ["10.0.0.0/8"] }, "CT_ERR_AS_TABLE", "as-prefix 10.0.0.0/8: not CIDR=ASN"],
    [
      { "as-table": "/nowhere/table" },
      "CT_ERR_CONFIG",
      "as-table: cannot read /nowhere/table: there is no such file",
    ],
    [{ "allow-list": "/nowhere/list" }, "CT_ERR_CONFIG", "allow-list: cannot read /nowhere/list"],
    [{ listen: "localhost:1" }, "CT_ERR_ADDRESS", "not an IP address and port"],
  ])("%j fails by name", async (settings, code, message) => {
    await expect(startTestTracker(settings)).rejects.toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});
