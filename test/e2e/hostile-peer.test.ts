import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import {
  type Content,
  createTorrent,
  type PeerProcess,
  receivedBytes,
  startPeerProcess,
  startTrackerProcess,
  type TrackerProcess,
} from "@cachetorrent/testbed";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Crowd } from "./support/crowd.ts";
import { AS1, AS2, eventually, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";
import { type Behaviour, HostilePeer } from "./support/hostile-peer.ts";

const KiB = 1024;
const BYTES = 2 * 1024 * KiB;
const bench = useBench("hostile-peer");

let content: Content;
let tracker: TrackerProcess;
let torrent: string;
let infoHash: InfoHash;
let hostile: HostilePeer | undefined;

beforeEach(async () => {
  const { dir, launcher } = bench();
  content = await makeContent(bench(), { bytes: BYTES });
  tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  torrent = join(dir, "content.torrent");
  infoHash = await createTorrent(content, tracker.announceUrl, torrent);
});

afterEach(async () => {
  await hostile?.stop();
  hostile = undefined;
});

async function startHostile(behaviour: Behaviour): Promise<HostilePeer> {
  hostile = await HostilePeer.start(behaviour, "127.1.0.66", infoHash);
  await hostile.announce(tracker.announceUrl);
  return hostile;
}

function startPeer(
  name: string,
  listen: string,
  dir: string,
  args: readonly string[] = [],
): Promise<PeerProcess> {
  const ledgerFile = join(bench().dir, `${name}.json`);
  return startPeerProcess(bench().launcher, { name, torrentFiles: [torrent], dir, listen, ledgerFile, args });
}

const startSeed = (args: readonly string[] = []) => startPeer("seed", "127.1.0.1:0", content.parent, args);
const startLeecher = () => startPeer("leecher", "127.2.0.1:0", join(bench().dir, "leecher"));

async function receivedBy(leecher: PeerProcess): Promise<number> {
  return receivedBytes({ asn: AS2, initialSeed: false, ledger: await leecher.ledger(infoHash) });
}

describe("a peer that sends bad data", () => {
  it("is banned and costs nothing but its own blocks", async () => {
    const liar = await startHostile("lies");
    const leecher = await startLeecher();
    // It knows nobody else yet: everything it gets at first is bad.
    await eventually("a block of the liar", async () => liar.askedBytes || undefined, 30_000);
    await startSeed();
    await leecher.complete({ timeoutMs: 60_000 });
    await leecher.daemon.stop();

    await expectEqualContent(content, leecher.dir);
    expect(await readFile(leecher.daemon.logFile, "utf8")).toMatch(
      /127\.1\.0\.66:\d+ sent bad data and is banned/,
    );
    expect(liar.askedOver, "it was asked again after it was banned").toBe(1);
    const received = await receivedBy(leecher);
    expect(received).toBeGreaterThan(BYTES);
    expect(received).toBeLessThanOrEqual(BYTES + liar.askedBytes);
  });

  it("does not bring a ban upon the good peer whose pieces it spoiled", async () => {
    content = { ...content, pieceLength: 256 * KiB };
    torrent = join(bench().dir, "large-pieces.torrent");
    infoHash = await createTorrent(content, tracker.announceUrl, torrent);
    const seed = await startSeed(["--limit-up", "500KB/s"]);
    const liar = await startHostile("lies");
    const leecher = await startLeecher();
    await leecher.complete({ timeoutMs: 60_000 });
    await leecher.daemon.stop();
    await expectEqualContent(content, leecher.dir);
    expect(liar.askedBytes, "the liar took no part").toBeGreaterThan(0);
    expect(await readFile(leecher.daemon.logFile, "utf8")).not.toContain(`${seed.endpoint} sent bad data`);
  });
});

describe.for(["stalls", "hangs up"] as const)("a peer that %s", (behaviour) => {
  it("costs only its own blocks: they come from somebody else", async () => {
    const idler = await startHostile(behaviour);
    const leecher = await startLeecher();
    await eventually("a request to it", async () => idler.askedBytes || undefined, 30_000);
    await startSeed();
    await leecher.complete({ timeoutMs: 60_000 });
    await leecher.daemon.stop();
    await expectEqualContent(content, leecher.dir);
    // Nothing came from it, and nothing came twice.
    expect(await receivedBy(leecher)).toBe(BYTES);
  });
});

describe("a host that opens 1,000 connections and keeps them", () => {
  it("keeps nobody out, and fills neither memory nor files", async () => {
    const MOST_CONNECTIONS = 80;
    const seed = await startSeed();
    const before = (await seed.daemon.peakMemory()) ?? Number.NaN;
    const crowd = await Crowd.open(seed.endpoint, "127.1.0.66", infoHash, 1000);
    await eventually(
      "most of them are turned away",
      async () => crowd.left <= MOST_CONNECTIONS || undefined,
      60_000,
    );
    const leecher = await startLeecher();
    await leecher.complete({ timeoutMs: 60_000 });
    await expectEqualContent(content, leecher.dir);
    // Two, for the seed and the leecher may dial each other at once, and only then find out that one connection is enough.
    expect(crowd.left, "no more than two had to make way").toBeGreaterThanOrEqual(MOST_CONNECTIONS - 2);
    expect((await readdir(`/proc/${seed.daemon.pid}/fd`)).length).toBeLessThan(MOST_CONNECTIONS + 50);
    expect((await seed.daemon.peakMemory()) ?? Number.NaN).toBeLessThan(before + 64 * 1024 * KiB);
    crowd.close();
  });
});
