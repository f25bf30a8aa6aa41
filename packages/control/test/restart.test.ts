import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ScaledClock, systemClock } from "@cachetorrent/clock";
import { createTorrentFile, PeerConfigSchema } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import { Value } from "typebox/value";
import { describe, expect, it } from "vitest";
import type { SavedState } from "../src/saved-state.ts";
import {
  type GivenTorrent,
  magnetTo,
  makeTorrent,
  startTestDaemon,
  type TestDaemon,
  temporaryFolder,
  until,
} from "./support/test-daemon.ts";

const HASH = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a" as InfoHash;

const only = async ({ client }: TestDaemon) => (await client.status()).torrents[0];

/** Until it has checked its torrent: whoever dials it before is turned away, and comes again after 10 s. */
const shares = (daemon: TestDaemon) =>
  until("it shares", async () => (await only(daemon))?.state === "seeding");

describe("after a restart", () => {
  it("a daemon has its torrents again, and what was said of them", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const { metainfo, text } = await makeTorrent(first.dir);
    const { infoHash } = metainfo;
    await first.client.add({ torrent: text, paused: true, sequential: true, skipFiles: ["*.txt"] });
    await first.client.change(infoHash, { limits: { up: 300 }, stopRule: { ratio: 2, afterMs: 1000 } });
    await first.client.add({ magnet: `magnet:?xt=urn:btih:${HASH}&dn=later` });
    await first.client.changeLimits({ down: 9000 });
    const before = await first.client.status();
    await first.daemon.stop();

    const second = await startTestDaemon(root);
    const after = await second.client.status();
    expect(after.limits).toEqual(before.limits);
    expect(after.torrents).toMatchObject([
      {
        infoHash,
        state: "paused",
        addedAt: before.torrents[0]?.addedAt,
        limits: { up: 300, down: null },
        stopRule: { ratio: 2, afterMs: 1000 },
      },
      { infoHash: HASH, name: "later", state: "metadata" },
    ]);
    expect((await second.client.files(infoHash)).map(({ priority }) => priority)).toEqual(["normal", "skip"]);
  });

  it("one that was dropped is gone, and one of the command line is there once", async () => {
    const root = await temporaryFolder();
    const data = join(root, "data");
    const torrent = await makeTorrent(data);
    const first = await startTestDaemon(root, {}, [torrent.path]);
    await first.client.add({ magnet: `magnet:?xt=urn:btih:${HASH}` });
    await first.client.remove(HASH, false);
    await first.daemon.stop();
    const second = await startTestDaemon(root, {}, [torrent.path]);
    expect((await second.client.status()).torrents).toMatchObject([{ infoHash: torrent.metainfo.infoHash }]);
  });

  it("what the configuration says anew goes before limits that were set by order", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.client.changeLimits({ up: 9000 });
    const config = Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, { "limit-up": 1000 }));
    await first.daemon.setLimits(config);
    expect((await first.client.status()).limits.up).toBe(1000);
    await first.daemon.stop();
    const second = await startTestDaemon(root);
    expect((await second.client.status()).limits.up).toBe(null);
  });

  it("a schedule that was set by order is there again, also an empty one, until the configuration is read anew", async () => {
    const root = await temporaryFolder();
    const settings = { "limit-schedule": ["00:00-24:00 up=4kB/s"] };
    const first = await startTestDaemon(root, settings);
    const others = ["00:00-24:00 up=3kB/s"];
    await first.client.setSchedule(others);
    await first.daemon.stop();

    const second = await startTestDaemon(root, settings);
    expect(await second.client.schedule()).toEqual(others);
    expect((await second.client.status()).limits.up).toBe(3000);
    await second.client.setSchedule([]);
    await second.daemon.stop();

    const third = await startTestDaemon(root, settings);
    expect(await third.client.schedule()).toEqual([]);
    const config = Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, { ...settings }));
    await third.daemon.setLimits(config);
    expect(await third.client.schedule()).toEqual(settings["limit-schedule"]);
    await third.daemon.stop();

    const fourth = await startTestDaemon(root);
    expect(await fourth.client.schedule()).toEqual([]);
    expect((await fourth.client.status()).limits.up).toBe(null);
  });

  it("one that is paused shows how far it was, without being read again", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const { metainfo, text } = await makeTorrent(first.dir);
    await first.client.add({ torrent: text });
    await until("it is checked", async () => (await first.client.status()).torrents[0]?.state === "seeding");
    await first.client.pause(metainfo.infoHash);
    await first.daemon.stop();
    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([
      { state: "paused", verifiedBytes: 51200 },
    ]);
  });

  it("one that came by a magnet link and is paused knows its files, and they are deleted with it", async () => {
    const seed = await startTestDaemon(await temporaryFolder());
    const torrent = await makeTorrent(seed.dir);
    const { infoHash } = torrent.metainfo;
    await seed.client.add({ torrent: torrent.text });
    await shares(seed);
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.client.add({ magnet: magnetTo(torrent, seed) });
    await until("it is complete", async () => (await first.client.status()).torrents[0]?.state === "seeding");
    await first.client.pause(infoHash);
    await first.daemon.stop();

    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([
      { name: "release", state: "paused", length: 51200, verifiedBytes: 51200 },
    ]);
    expect((await second.client.files(infoHash)).map(({ path }) => path)).toEqual([
      "release/a.iso",
      "release/docs/b.txt",
    ]);
    expect(await second.client.remove(infoHash, true)).toEqual([]);
    expect(await readdir(second.dir)).toEqual([]);
  });

  it("files that a paused one of a magnet link shares with another stay when that is dropped with its data", async () => {
    const seed = await startTestDaemon(await temporaryFolder());
    const torrent = await makeTorrent(seed.dir);
    await seed.client.add({ torrent: torrent.text });
    await shares(seed);
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.client.add({ magnet: magnetTo(torrent, seed) });
    await until("it is complete", async () => (await first.client.status()).torrents[0]?.state === "seeding");
    await first.client.pause(torrent.metainfo.infoHash);
    await first.daemon.stop();

    const second = await startTestDaemon(root);
    // The same content, cut into other pieces: another torrent.
    const { bytes, metainfo } = await createTorrentFile({
      path: join(second.dir, "release"),
      trackers: [],
      pieceLength: 32 * 1024,
    });
    await second.client.add({ torrent: Buffer.from(bytes).toString("base64") });
    const kept = await second.client.remove(metainfo.infoHash, true);
    expect(kept).toEqual(["a.iso", "docs/b.txt"].map((path) => join(second.dir, "release", path)));
    expect(await readdir(join(second.dir, "release"))).toEqual(["a.iso", "docs"]);
  });

  it("one whose files are all gone is held, is there again by resume, and comes anew when it is added again", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const { metainfo, text } = await makeTorrent(first.dir);
    const { infoHash } = metainfo;
    await first.client.add({ torrent: text });
    await until("it is checked", async () => (await first.client.status()).torrents[0]?.state === "seeding");
    await first.daemon.stop();
    const away = join(root, "away");
    await rename(join(first.dir, "release"), away);

    const second = await startTestDaemon(root);
    const state = async () => (await second.client.status()).torrents[0]?.state;
    await until("it is held", async () => (await state()) === "failed");
    expect((await second.client.status()).torrents[0]?.error).toBe(
      `${second.dir}: all files of the torrent are gone; is a disk not mounted? Resume it once they are back, or remove it, and add it again to download it anew`,
    );
    expect(await readdir(second.dir)).toEqual([]);
    await rename(away, join(second.dir, "release"));
    await second.client.resume(infoHash);
    await until("it is back", async () => (await state()) === "seeding");

    await rm(join(second.dir, "release"), { recursive: true });
    await second.client.pause(infoHash);
    await second.client.resume(infoHash);
    await until("it is held", async () => (await state()) === "failed");
    await second.client.remove(infoHash, false);
    await second.client.add({ torrent: text });
    await until("it downloads", async () => (await state()) === "downloading");
  });

  it("one whose .torrent was damaged can be added again", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const { metainfo, text } = await makeTorrent(first.dir);
    await first.client.add({ torrent: text });
    await first.daemon.stop();
    await writeFile(join(first.stateDir, "torrents", `${metainfo.infoHash}.torrent`), "");
    const second = await startTestDaemon(root);
    await second.client.add({ torrent: text });
    await second.daemon.stop();
    const third = await startTestDaemon(root);
    expect((await third.client.status()).torrents).toMatchObject([{ infoHash: metainfo.infoHash }]);
    await third.client.remove(metainfo.infoHash, false);
    await third.daemon.stop();
    expect((await (await startTestDaemon(root)).client.status()).torrents).toEqual([]);
  });

  it("one whose .torrent is damaged is left in the list, and the others are there", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const one = await makeTorrent(first.dir, "one");
    const two = await makeTorrent(first.dir, "two");
    await first.client.add({ torrent: one.text });
    await first.client.add({ torrent: two.text });
    await first.daemon.stop();
    const path = join(first.stateDir, "torrents", `${one.metainfo.infoHash}.torrent`);
    await writeFile(path, one.bytes.subarray(0, 100));
    const second = await startTestDaemon(root);
    expect((await second.client.status()).torrents).toMatchObject([{ name: "two" }, { state: "failed" }]);
    await second.daemon.stop();
    await writeFile(path, one.bytes);
    const third = await startTestDaemon(root);
    expect((await third.client.status()).torrents).toHaveLength(2);
  });
});

describe("what was shared of a torrent", () => {
  /** Another daemon fetches it, all of it. */
  async function give(torrent: GivenTorrent, from: TestDaemon): Promise<void> {
    await shares(from);
    const leecher = await startTestDaemon(await temporaryFolder());
    await leecher.client.add({ magnet: magnetTo(torrent, from) });
    await until("it is fetched", async () => (await only(leecher))?.state === "seeding");
    await leecher.daemon.stop();
  }

  it("goes on from where it was after a restart: the rule for when to stop is met by the sum, and stays met", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const torrent = await makeTorrent(first.dir);
    const { infoHash } = torrent.metainfo;
    await first.client.add({ torrent: torrent.text, stopRule: { ratio: 2 } });
    await give(torrent, first);
    await first.daemon.stop();

    const second = await startTestDaemon(root);
    const before = (await only(second))?.shared;
    expect(before?.sentBytes).toBe(51_200);
    expect(before?.seededMs).toBeGreaterThan(0);
    await give(torrent, second);
    await until("there was enough", async () => (await only(second))?.state === "stopped");
    await second.daemon.stop();

    const third = await startTestDaemon(root);
    await until("it is stopped again", async () => (await only(third))?.state === "stopped");
    const after = (await only(third))?.shared;
    expect(after?.sentBytes).toBe(102_400);
    expect(after?.seededMs).toBeGreaterThan(before?.seededMs ?? 0);
    await third.client.resume(infoHash);
    await until("it is shared again", async () => (await only(third))?.state === "seeding");
    expect((await only(third))?.shared?.sentBytes).toBe(0);
  });

  it("is on the disk a minute later without any order: a kill loses no more", async () => {
    // A minute is over in a third of a second.
    const clock = new ScaledClock(systemClock, 200);
    const daemon = await startTestDaemon(await temporaryFolder(), {}, [], clock);
    const { text } = await makeTorrent(daemon.dir);
    await daemon.client.add({ torrent: text });
    const path = join(daemon.stateDir, "torrents.json");
    await until("it is written down", async () => {
      const { torrents } = JSON.parse(await readFile(path, "utf8")) as SavedState;
      return (torrents[0]?.shared?.seededMs ?? 0) > 0;
    });
  });

  it.each([
    ["less than nothing", '{"sentBytes":-1,"seededMs":0}'],
    ["more than can be counted", '{"sentBytes":1e300,"seededMs":0}'],
    ["half a piece of news", '{"sentBytes":1}'],
  ])("is not believed where it is %s", async (_, shared) => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.client.add({ magnet: `magnet:?xt=urn:btih:${HASH}` });
    await first.daemon.stop();
    const list = join(first.stateDir, "torrents.json");
    const text = await readFile(list, "utf8");
    expect(text).toContain('"shared":{"sentBytes":0,"seededMs":0}');
    await writeFile(list, text.replace('{"sentBytes":0,"seededMs":0}', shared));
    await expect(startTestDaemon(root)).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringMatching(/torrents\.json cannot be used: \/torrents\/0\/shared/),
    });
  });
});

describe("the state folder", () => {
  it("has one daemon at a time", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await expect(startTestDaemon(root)).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringMatching(/another daemon, process \d+, uses .*state/),
    });
    // Who was refused has taken nothing away.
    await expect(startTestDaemon(root)).rejects.toMatchObject({ code: "CT_ERR_STATE" });
    expect((await first.client.status()).torrents).toEqual([]);
    await first.daemon.stop();
    expect((await (await startTestDaemon(root)).client.status()).torrents).toEqual([]);
  });

  it("is taken over from a process that is gone, also when another one has its pid now", async () => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    const lock = join(first.stateDir, "daemon.lock");
    const [pid, start = "", boot] = (await readFile(lock, "utf8")).split(" ");
    await first.daemon.stop();
    const left = [
      `999999999 ${start} ${boot}`,
      `${pid} ${Number(start) - 1} ${boot}`,
      `${pid} ${start} other\n`,
      "",
    ];
    for (const text of left) {
      await writeFile(lock, text);
      const next = await startTestDaemon(root);
      await next.daemon.stop();
    }
    expect((await readdir(first.stateDir)).filter((name) => name.startsWith("daemon.lock"))).toEqual([]);
  });

  it("keeps the list for its owner alone", async () => {
    const root = await temporaryFolder();
    const { client, stateDir } = await startTestDaemon(root);
    await client.add({ magnet: `magnet:?xt=urn:btih:${HASH}` });
    expect((await stat(join(stateDir, "torrents.json"))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["no JSON", "{"],
    ["another's", '{"version":2,"limits":{},"torrents":[]}'],
    [
      "of no info-hash",
      '{"version":1,"limits":{},"torrents":[{"infoHash":"../x","dir":"/","addedAt":1,"isPaused":true,"limits":{}}]}',
    ],
    ["of a schedule that is none", '{"version":1,"limits":{},"schedule":["mon"],"torrents":[]}'],
  ])("with a list that is %s is refused, and the list left alone", async (_, text) => {
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.daemon.stop();
    const list = join(first.stateDir, "torrents.json");
    await writeFile(list, text);
    await expect(startTestDaemon(root)).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringContaining(list),
    });
    expect(await readFile(list, "utf8")).toBe(text);
  });
});
