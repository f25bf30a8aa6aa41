import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock, systemClock } from "@cachetorrent/clock";
import { decodeLeadersAnswer, encodeLeadersQuery, formatEndpoint, unwrap } from "@cachetorrent/protocol";
import type { RunningTracker, TrackerStats } from "@cachetorrent/tracker";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { announceTo, request, startTestTracker } from "./daemon.ts";
import { endpoints, id, leaderNames, OTHER_SWARM, portOf, SWARM } from "./support.ts";

let state: string;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "ct-state-"));
  onTestFinished(() => rm(state, { recursive: true }));
});

const stateFile = () => join(state, `${SWARM}.json`);
const stands = (up: number) => ({ member: { capacity: { up, down: up } }, key: "0badcafe" });

/** Three candidates in AS 1, two in AS 2. */
async function populate(tracker: RunningTracker): Promise<void> {
  for (const n of [1, 2, 3])
    await announceTo(tracker, `1/${n}`, { from: `127.1.0.${n}`, ...stands(100 - n) });
  for (const n of [1, 2]) await announceTo(tracker, `2/${n}`, { from: `127.2.0.${n}`, ...stands(100 - n) });
}

async function leadersTold(tracker: RunningTracker, name: string, from: string) {
  const query = encodeLeadersQuery({ infoHash: SWARM, peerId: id(name), term: 0 });
  return unwrap(decodeLeadersAnswer((await request(tracker, `/leaders?${query}`, { from })).body)).leaders;
}

async function electorates(tracker: RunningTracker) {
  const { body } = await request(tracker, "/stats.json");
  const stats = JSON.parse(body.toString()) as TrackerStats;
  return stats.listed[0]?.electorates.map(({ asn, term, leaders }) => ({
    asn,
    term,
    leaders: leaders.map((leader) => leader.peerId),
  }));
}

describe("a tracker with a state directory", () => {
  test("has its terms, its leaders and their endpoints again after a restart", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    await announceTo(first, "1/1", { from: "127.1.0.1", event: "stopped" });
    const before = await electorates(first);
    expect(before?.map((one) => one.leaders)).toEqual([[id("1/2")], [id("2/1")]]);
    await first.stop();

    const second = await startTestTracker({ state });
    expect(await electorates(second)).toEqual(before);
    const told = await leadersTold(second, "1/3", "127.1.0.3");
    expect(told?.leaders).toEqual([
      {
        peerId: id("1/2"),
        endpoint: { address: "127.1.0.2", port: portOf("1/2") },
        up: 98,
        down: 98,
      },
    ]);
    // The next change is a newer term, and a newcomer is handed the restored peers.
    const newcomer = await announceTo(second, "new", { from: "127.2.0.9", member: {} });
    expect(endpoints(newcomer)).toContain(`127.1.0.2:${portOf("1/2")}`);
    await announceTo(second, "1/2", { from: "127.1.0.2", event: "stopped" });
    const after = await leadersTold(second, "1/3", "127.1.0.3");
    expect(leaderNames({ policy: { name: "bittorrent" }, ...(after ? { leaders: after } : {}) })).toEqual([
      "1/3",
    ]);
    expect(after?.term).toBeGreaterThan(told?.term ?? Infinity);
  });

  test("knows again where the content came from, and what each AS has", async () => {
    const first = await startTestTracker({ state, policy: "coordinated" });
    await populate(first);
    await announceTo(first, "seed", { from: "127.2.0.9", left: 0, downloaded: 0, ...stands(50) });
    await first.stop();
    const second = await startTestTracker({ state, policy: "coordinated" });
    const newcomer = await announceTo(second, "new", { from: "127.1.0.9", member: {} });
    expect(newcomer.ct?.ases).toEqual([
      { asn: 1, up: 99 + 98 + 97, isOrigin: false },
      { asn: 2, up: 99 + 98 + 50, isOrigin: true },
    ]);
  });

  test("has them after a crash, too: a change is on disk without a stop", async () => {
    const tracker = await startTestTracker({ state });
    await populate(tracker);
    const before = await electorates(tracker);
    await vi.waitFor(async () => {
      const saved = JSON.parse(await readFile(stateFile(), "utf8")) as { members: unknown[] };
      expect(saved.members).toHaveLength(5);
    }, 10_000);
    const copy = await mkdtemp(join(tmpdir(), "ct-state-"));
    onTestFinished(() => rm(copy, { recursive: true }));
    await writeFile(join(copy, `${SWARM}.json`), await readFile(stateFile()));
    expect(await electorates(await startTestTracker({ state: copy }))).toEqual(before);
  });

  test("gives restored members a minute to come back; leaders that don't are replaced", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    await first.stop();

    const clock = new ManualClock(systemClock.now());
    const second = await startTestTracker({ state }, clock);
    await announceTo(second, "1/2", { from: "127.1.0.2", ...stands(98) });
    clock.advance(50_000);
    expect((await electorates(second))?.map((one) => one.leaders)).toEqual([[id("1/1")], [id("2/1")]]);
    await announceTo(second, "1/2", { from: "127.1.0.2", ...stands(98) });
    clock.advance(20_000);
    expect((await electorates(second))?.map((one) => one.leaders)).toEqual([[id("1/2")]]);
  });

  test("lets complete members be, for they don't listen to the feed", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    await announceTo(first, "1/3", { from: "127.1.0.3", ...stands(97), left: 0, event: "completed" });
    await first.stop();

    const clock = new ManualClock(systemClock.now());
    const second = await startTestTracker({ state }, clock);
    clock.advance(120_000);
    const { complete, incomplete } = await announceTo(second, "x", { from: "127.2.0.8", numwant: 0 });
    expect({ complete, incomplete }).toEqual({ complete: 1, incomplete: 1 });
  });

  test("keeps the sums of downloaded bytes, and a state of nothing but sums starts nothing", async () => {
    const first = await startTestTracker({ state });
    await announceTo(first, "a", { from: "127.1.0.1", ...stands(5) });
    const progress = { from: "127.1.0.1", member: { externalBytes: 10, internalBytes: 30 } };
    await announceTo(first, "a", progress);
    await announceTo(first, "stock", { from: "127.1.0.2" });
    await first.stop();

    const second = await startTestTracker({ state });
    await announceTo(second, "a", progress);
    const { body } = await request(second, "/stats.json");
    expect(JSON.parse(body.toString())).toMatchObject({
      externalBytes: 10,
      internalBytes: 30,
      savings: 0.75,
    });
    await announceTo(second, "stock", { from: "127.1.0.2" });
    await announceTo(second, "a", { from: "127.1.0.1", event: "stopped" });
    await second.stop();

    const third = await startTestTracker({ state });
    expect(await electorates(third)).toBeUndefined();
    await third.stop();
    expect(await readdir(state)).toEqual([]);
  });

  test("forgets, and does not restore, swarms that the allow-list has no more", async () => {
    const allowList = join(state, "allowed");
    await writeFile(allowList, `${SWARM}\n${OTHER_SWARM}\n`);
    const first = await startTestTracker({ state, "allow-list": allowList });
    await populate(first);
    await announceTo(first, "a", { from: "127.1.0.1", ...stands(5), infoHash: OTHER_SWARM });
    await first.stop();

    await writeFile(allowList, `${OTHER_SWARM}\n`);
    const second = await startTestTracker({ state, "allow-list": allowList });
    const { body } = await request(second, "/stats.json");
    expect(JSON.parse(body.toString())).toMatchObject({ swarms: 1, peers: 1 });
    await writeFile(allowList, "");
    await second.reload();
    await second.stop();
    expect(await readdir(state)).toEqual(["allowed"]);
  });

  test("comes back with another number of ranges: leaders are elected for them at once, in a newer term", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    const before = await electorates(first);
    await first.stop();

    const second = await startTestTracker({ state, policy: "multi", ranges: 2 });
    await vi.waitFor(async () => {
      const after = await electorates(second);
      expect(after?.map((one) => one.leaders)).toEqual([
        [id("1/1"), id("1/2")],
        [id("2/1"), id("2/2")],
      ]);
      expect(after?.[0]?.term).toBeGreaterThan(before?.[0]?.term ?? Infinity);
    }, 10_000);
    const told = await leadersTold(second, "1/3", "127.1.0.3");
    expect(told?.leaders.map(({ range }) => range)).toEqual([0, 1]);
    const multi = await electorates(second);
    await second.stop();

    expect(await electorates(await startTestTracker({ state, policy: "multi", ranges: 2 }))).toEqual(multi);
  });

  test("a port that is taken leaves the state as it is", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    await first.stop();
    const before = await readFile(stateFile(), "utf8");
    const other = await startTestTracker();
    await expect(startTestTracker({ state, listen: formatEndpoint(other.endpoint) })).rejects.toThrow(
      "taken",
    );
    expect(await readFile(stateFile(), "utf8")).toBe(before);
  });

  test("keeps the keys of restored members", async () => {
    const first = await startTestTracker({ state });
    await populate(first);
    await first.stop();

    const second = await startTestTracker({ state });
    await announceTo(second, "1/1", { from: "127.2.0.77", event: "stopped" });
    expect((await electorates(second))?.[0]?.leaders).toEqual([id("1/1")]);
    await announceTo(second, "1/1", { from: "127.2.0.77", event: "stopped", key: "0badcafe" });
    expect((await electorates(second))?.[0]?.leaders).toEqual([id("1/2")]);
  });

  test("keeps its files to itself, and removes those of swarms that are gone", async () => {
    const tracker = await startTestTracker({ state });
    await announceTo(tracker, "a", { from: "127.1.0.1", ...stands(5) });
    await announceTo(tracker, "a", { from: "127.1.0.1", ...stands(5), infoHash: OTHER_SWARM });
    await announceTo(tracker, "stock", { from: "127.1.0.2", infoHash: "cc".repeat(20) as never });
    await announceTo(tracker, "a", { from: "127.1.0.1", event: "stopped", infoHash: OTHER_SWARM });
    await tracker.stop();
    expect(await readdir(state)).toEqual([`${SWARM}.json`]);
    expect((await stat(stateFile())).mode & 0o077).toBe(0);
  });

  test.each([
    ["cut short", (text: string) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["of another kind", () => '{"version":1}'],
    ["of another swarm", (text: string) => text.replaceAll(SWARM, OTHER_SWARM)],
    ["with an impossible election", (text: string) => text.replace('"ran":true', '"ran":"yes"')],
    ["with a member nowhere", (text: string) => text.replace('"127.1.0.1:', '"nowhere:')],
  ])("a state file %s is refused by name, and left as it is", async (_how, damage) => {
    const first = await startTestTracker({ state });
    await announceTo(first, "a", { from: "127.1.0.1", ...stands(5) });
    await first.stop();
    const damaged = damage(await readFile(stateFile(), "utf8"));
    await writeFile(stateFile(), damaged);
    await expect(startTestTracker({ state })).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_STATE", message: expect.stringContaining(stateFile()) }),
    );
    expect(await readFile(stateFile(), "utf8")).toBe(damaged);
    expect(await readdir(state)).toEqual([`${SWARM}.json`]);
  });

  test("a directory is made with those above it, for nobody else to read", async () => {
    const path = join(state, "not", "there", "yet");
    await startTestTracker({ state: path });
    expect((await stat(path)).mode & 0o777).toBe(0o700);
  });

  test("where no directory can be made, the tracker says so and does not try forever", async () => {
    await expect(startTestTracker({ state: "/proc/not/there" })).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_STATE", message: expect.stringContaining("/proc/not/there") }),
    );
  });

  test("a directory that cannot be used is refused by name", async () => {
    const path = join(state, "file");
    await writeFile(path, "");
    await expect(startTestTracker({ state: path })).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_STATE", message: expect.stringContaining(path) }),
    );
  });
});
