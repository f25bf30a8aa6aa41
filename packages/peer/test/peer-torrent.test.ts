import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, systemRandom } from "@cachetorrent/clock";
import { type AnnounceRequest, formatEndpoint, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { Value } from "typebox/value";
import { describe, expect, it, onTestFinished } from "vitest";
import { type PeerConfig, PeerConfigSchema } from "../src/config.ts";
import { type PeerDaemon, startPeer } from "../src/daemon.ts";
import { parseMagnet } from "../src/metainfo/magnet.ts";
import type { PeerTorrent } from "../src/peer-torrent.ts";
import { silent } from "./support/samples.ts";
import { type Asked, ScriptedTracker } from "./support/scripted-tracker.ts";
import { readContent, writeContent } from "./support/test-peer.ts";
import { fillUp, tinyFileSystem } from "./support/tiny-file-system.ts";
import { type GivenTorrent, KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

async function startEmpty(dir: string, settings: Partial<PeerConfig> = {}): Promise<PeerDaemon> {
  const given = { dir, listen: "127.0.0.1:0", ...settings };
  const config = Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, given));
  const peer = await startPeer(config, [], { clock: systemClock, random: systemRandom, log: silent });
  onTestFinished(() => peer.stop());
  return peer;
}

/** A peer that has it all, and one without, for a link to the first. */
async function pair(torrent: GivenTorrent, settings: Partial<PeerConfig> = {}) {
  const from = await temporaryDirectory();
  await writeContent(torrent, from);
  const seed = await startEmpty(from);
  const theirs = seed.add(torrent.metainfo, {});
  // Who comes while it still checks is turned away, and back in 10 s.
  await until("the seed has checked", () => theirs.status().state === "seeding");
  const to = await temporaryDirectory();
  const leecher = await startEmpty(to, settings);
  const { infoHash } = torrent.metainfo;
  const magnet = parseMagnet(`magnet:?xt=urn:btih:${infoHash}&x.pe=${formatEndpoint(seed.endpoint)}`);
  return { seed, leecher, magnet, infoHash, dir: to };
}

const someTorrent = () =>
  torrentOf([
    { path: ["a"], content: noise(300 * KIB, 1) },
    { path: ["b"], content: noise(100 * KIB, 2) },
  ]);

describe("a torrent of a running peer", () => {
  it("that is paused leaves its swarm, and goes on from where it was", async () => {
    const torrent = await someTorrent();
    const { dir, leecher, magnet, seed } = await pair(torrent);
    const ours = leecher.add(magnet, { limits: { down: 50_000 } });
    await until("something has come", () => ours.status().verifiedBytes > 0);
    await ours.pause();
    expect(ours.status()).toMatchObject({ state: "paused", paused: "by request", rateIn: 0, peers: 0 });
    expect(leecher.status(({ state }) => state === "paused")).toEqual(leecher.status());
    expect(leecher.status(({ state }) => state !== "paused").torrents).toEqual([]);
    expect(leecher.status().connections).toBe(0);
    await until("the seed is alone", () => seed.status().connections === 0);
    const had = ours.status().internalBytes + ours.status().externalBytes;
    expect(had).toBeLessThan(400 * KIB);

    ours.setLimits({ down: Number.POSITIVE_INFINITY });
    await ours.resume();
    await until("it is complete", () => ours.state === "seeding");
    expect(ours.status().rateIn).toBe(0);
    expect((await readContent(torrent, dir)).equals(torrent.content)).toBe(true);
    // What had come before was not fetched again, but for what was under way.
    expect(ours.status().externalBytes).toBeLessThan(400 * KIB + had);
  });

  it("can be paused and resumed many times at once, and is then what was asked for last", async () => {
    const torrent = await someTorrent();
    const { leecher, magnet } = await pair(torrent);
    const ours = leecher.add(magnet, { isPaused: true });
    const asked = [ours.resume(), ours.pause(), ours.resume(), ours.resume(), ours.pause()];
    await Promise.all(asked);
    expect(ours.status()).toMatchObject({ state: "paused" });
    expect(leecher.status().connections).toBe(0);
    await Promise.all([ours.pause(), ours.resume()]);
    await until("it is complete", () => ours.status().state === "seeding");
  });

  it("that is removed is gone, and may come again; the accounts keep what it moved", async () => {
    const torrent = await someTorrent();
    const { infoHash, leecher, magnet } = await pair(torrent);
    const ours = leecher.add(magnet, {});
    await until("it is complete", () => ours.status().state === "seeding");
    expect(() => leecher.add(torrent.metainfo, {})).toThrow(/is here already/);
    await leecher.remove(infoHash);
    expect(leecher.status().torrents).toEqual([]);
    expect(leecher.traffic).toMatchObject([{ receivedByAsn: { 0: 400 * KIB } }]);
    const again = leecher.add(torrent.metainfo, {});
    await until("it is found complete", () => again.status().state === "seeding");
    expect(again.status()).toMatchObject({ internalBytes: 0, externalBytes: 0, sentBytes: 0 });
    expect(leecher.traffic).toMatchObject([{ receivedByAsn: { 0: 400 * KIB } }]);
  });

  it("that is added again counts what it moves from then on, as its tracker hears, and a pause changes nothing", async () => {
    const torrent = await someTorrent();
    const { dir, infoHash, leecher, magnet, seed } = await pair(torrent);
    const before = leecher.add(magnet, {});
    await until("it is complete", () => before.status().state === "seeding");
    await leecher.remove(infoHash);
    await rm(join(dir, "torrent", "b"));
    const tracker = await ScriptedTracker.listen();
    onTestFinished(() => tracker.close());
    const again = leecher.add({ ...torrent.metainfo, trackers: [[tracker.announceUrl]] }, {});
    const asked = await tracker.next();
    expect(asked.announce).toMatchObject({ event: "started", downloaded: 0, uploaded: 0 });
    asked.accept({ peers: [{ endpoint: seed.endpoint, asn: UNKNOWN_ASN }] });
    await until("it is complete again", () => again.status().state === "seeding");
    const { externalBytes } = again.status();
    expect(externalBytes).toBeGreaterThanOrEqual(100 * KIB);
    expect(externalBytes).toBeLessThan(400 * KIB);
    const announces = answerAll(tracker);
    await again.pause();
    expect(again.status().externalBytes).toBe(externalBytes);
    // Its tracker knows of that, and is to count it once.
    await again.resume();
    await until("it is told that it is there again", () =>
      announces.some(({ event }) => event === "started"),
    );
    const resumed = announces.find(({ event }) => event === "started");
    expect(resumed).toMatchObject({ downloaded: 0, member: { externalBytes: 0, internalBytes: 0 } });
    expect(again.status().externalBytes).toBe(externalBytes);
    expect(leecher.traffic).toMatchObject([{ receivedByAsn: { 0: 400 * KIB + externalBytes } }]);
  });

  it("keeps its choice of files and its limits over a pause, and changes of them meanwhile", async () => {
    const torrent = await someTorrent();
    const { leecher, magnet } = await pair(torrent, { "limit-up-torrent": 9000 });
    const ours = leecher.add(magnet, { chooseFiles: () => new Map([[0, "skip"]]), limits: { down: 1e6 } });
    await until("all that is wanted is there", () => ours.status().state === "seeding");
    await ours.pause();
    await ours.setFiles(new Map([[1, "high"]]));
    ours.setLimits({ up: 5000 });
    await expect(ours.setFiles(new Map([[7, "high"]]))).rejects.toThrow("no file 7 of 2");
    await ours.resume();
    expect(ours.inSwarm.limits).toMatchObject({ up: 5000, down: 1e6 });
    await until("it knows its files", () => ours.inSwarm.files.length > 0);
    expect(ours.inSwarm.files).toEqual(["skip", "high"]);
  });

  it("that was stopped by its rule keeps a choice of files that is made then, and fetches by it once it is resumed", async () => {
    const torrent = await someTorrent();
    const { dir, leecher, magnet } = await pair(torrent);
    const ours = leecher.add(magnet, { chooseFiles: () => new Map([[0, "skip"]]), stopRule: { afterMs: 1 } });
    await until("it was stopped", () => ours.status().state === "stopped");
    await ours.setFiles(new Map([[1, "high"]]));
    await ours.setFiles(new Map([[0, "low"]]));
    const chosen = new Map([
      [0, "low"],
      [1, "high"],
    ]);
    // As it is written down, for a restart.
    expect(ours.files).toEqual(chosen);
    expect(ours.inSwarm.files).toEqual(["low", "high"]);
    ours.setStopRule({});
    await ours.resume();
    await until("it is complete", () => ours.status().verifiedBytes === 400 * KIB);
    expect(ours.files).toEqual(chosen);
    expect((await readContent(torrent, dir)).equals(torrent.content)).toBe(true);
  });

  it("that is paused while it checks keeps the choice of files that waits for that", async () => {
    const torrent = await someTorrent();
    const leecher = await startEmpty(await temporaryDirectory());
    const ours = leecher.add(torrent.metainfo, {});
    const chosen = ours.setFiles(new Map([[0, "skip"]]));
    await Promise.all([chosen, ours.pause()]);
    expect(ours.files?.get(0)).toBe("skip");
    await ours.resume();
    expect(ours.inSwarm.files).toEqual(["skip", "normal"]);
  });

  it("that was stopped by its rule goes on by resume, and counts anew what was enough", async () => {
    const torrent = await someTorrent();
    const { infoHash, leecher, magnet, seed } = await pair(torrent);
    const ours = seed.torrent(infoHash) as PeerTorrent;
    ours.setStopRule({ ratio: 1 });
    await until("it is there to be asked", () => ours.status().state === "seeding");
    const theirs = leecher.add(magnet, {});
    await until("it has sent enough", () => ours.status().state === "stopped");
    await until("that has come", () => theirs.status().state === "seeding");
    expect(ours.shared.sentBytes).toBe(400 * KIB);
    const { seededMs } = ours.shared;
    expect(seededMs).toBeGreaterThan(0);

    ours.setStopRule({ ratio: 3 });
    await ours.resume();
    await until("it goes on", () => ours.status().state === "seeding");
    expect(ours.shared.sentBytes).toBe(400 * KIB);
    expect(ours.shared.seededMs).toBeGreaterThanOrEqual(seededMs);
    ours.setStopRule({ ratio: 1 });
    await until("that is enough now", () => ours.status().state === "stopped");

    await ours.resume();
    await until("it goes on again", () => ours.status().state === "seeding");
    expect(ours.shared.sentBytes).toBe(0);
  });

  it("of which earlier runs have shared enough is stopped before its tracker hears of it", async () => {
    const torrent = await someTorrent();
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    const tracker = await ScriptedTracker.listen();
    const peer = await startEmpty(dir);
    const shared = { sentBytes: 800 * KIB, seededMs: 5000 };
    const metainfo = { ...torrent.metainfo, trackers: [[tracker.announceUrl]] };
    const ours = peer.add(metainfo, { stopRule: { ratio: 2 }, shared });
    const reason = await new Promise((resolve) =>
      peer.events.once("shared", (about) => resolve(about.reason)),
    );
    expect(reason).toBe("it has sent 2 times its size");
    expect(ours.status().state).toBe("stopped");
    expect(ours.shared.sentBytes).toBe(800 * KIB);
    await peer.remove(torrent.metainfo.infoHash);
    expect(tracker.waiting()).toBe(0);
  });

  it("whose metadata finds no room on the disk goes on when there is some", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const torrent = await torrentOf([{ path: ["a"], content: noise(60 * KIB, 1) }]);
    const { magnet } = await pair(torrent);
    const peer = await startEmpty(dir);
    const makeRoom = await fillUp(dir);
    const ours = peer.add(magnet, {});
    await until("it waits", () => ours.status().state === "paused");
    expect(ours.status().paused).toMatch(/no space is left on the disk/);
    await makeRoom();
    await until("it is complete", () => ours.status().state === "seeding");
  });

  it("that comes after the configuration was read again is as that was at the start, but for its limits", async () => {
    const torrent = await someTorrent();
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    const peer = await startEmpty(dir, { "limit-up-torrent": 9000 });
    const given = { dir: await temporaryDirectory(), "limit-up-torrent": 500, sequential: true };
    peer.setLimits(Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, given)));
    const ours = peer.add(torrent.metainfo, {});
    expect(ours).toMatchObject({ dir, isSequential: false, limits: { up: 500 } });
    await until("it is found there", () => ours.status().state === "seeding");
  });

  it("that failed is tried again by resume", async () => {
    const torrent = await someTorrent();
    const dir = await temporaryDirectory();
    await mkdir(join(dir, "torrent"));
    await writeFile(join(dir, "torrent", "a"), "somebody's own");
    const peer = await startEmpty(dir);
    const ours = peer.add(torrent.metainfo, {});
    await until("it fails", () => ours.status().state === "failed");
    await ours.pause();
    expect([ours.state, ours.status().state]).toEqual(["failed", "failed"]);
    await rm(join(dir, "torrent", "a"));
    await ours.resume();
    await until("it is checked", () => ours.status().state === "downloading");
  });
});

/** What it is asked from now on; it accepts all. */
function answerAll(tracker: ScriptedTracker): AnnounceRequest[] {
  const announces: AnnounceRequest[] = [];
  const answer = (asked: Asked): void => {
    announces.push(asked.announce);
    asked.accept();
    void tracker.next().then(answer);
  };
  void tracker.next().then(answer);
  return announces;
}
