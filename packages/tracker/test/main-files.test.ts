import { describe, expect, test } from "vitest";
import { configFiles } from "./config-files.ts";
import { announceTo, startTestTracker } from "./daemon.ts";
import { OTHER_SWARM, SWARM } from "./support.ts";

describe("a configured tracker", () => {
  test("reads allow-list and tokens from files, and again when asked to", async () => {
    const file = await configFiles();
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
    const file = await configFiles();
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
    const file = await configFiles();
    const table = await file("sites", "127.3.0.0/16 3\n");
    const tokens = await file("keys", "first\n");
    const tracker = await startTestTracker({ "as-table": table, tokens });
    await file("sites", "127.3.0.0/16 3\n127.3.0.0/16 4\n");
    await file("keys", "second\n");
    await expect(tracker.reload()).rejects.toThrow(`${table}:2: 127.3.0.0/16 is AS 3 by ${table}:1, not 4`);
    const announced = { from: "127.3.0.1", path: "/first/announce", member: {} };
    expect((await announceTo(tracker, "a", announced)).ct?.asn).toBe(3);
  });

  test("an allow-list with something else in it is refused with its line", async () => {
    const file = await configFiles();
    const allowList = await file("bad-list", `${SWARM}\nubuntu.iso\n`);
    await expect(startTestTracker({ "allow-list": allowList })).rejects.toThrow(
      `allow-list ${allowList}:2: not an info-hash`,
    );
  });
});
