import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createTorrent,
  type DaemonEvent,
  DaemonGroup,
  findDifference,
  type PeerProcess,
  startPeerProcess,
  writeSeededContent,
} from "@cachetorrent/testbed";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CEILING_MS, PLAIN, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { startDaemon } from "./support/daemon.ts";
import { Place } from "./support/place.ts";
import { describeWithMounts, mountSmallDisk, unmount } from "./support/small-disk.ts";

const MiB = 2 ** 20;
const FILES = [
  { path: "first.bin", bytes: 3 * MiB + 5 },
  { path: "folder/last.bin", bytes: 2 * MiB + 777 },
];
const PIECE_LENGTH = 64 * 1024;
const LENGTH = FILES.reduce((sum, { bytes }) => sum + bytes, 0);

interface TorrentLine {
  readonly state: string;
  readonly verifiedBytes: number;
  readonly peers: number;
  readonly paused?: string;
}

describeWithMounts("a disk that fills up in the middle of a download", () => {
  let dir: string;
  let daemons: DaemonGroup;
  let disk: string;
  let mounted: string[];

  beforeEach(async () => {
    dir = await mkdtemp(path.join(tmpdir(), "ct-full-"));
    disk = path.join(dir, "disk");
    daemons = new DaemonGroup();
    mounted = [];
    await mountSmallDisk(disk, "8m");
    mounted.push(disk);
  });
  afterEach(async () => {
    await daemons.stopAll();
    for (const one of mounted) unmount(one);
    await rm(dir, { recursive: true, force: true });
  });

  function place(name: string): Place {
    return new Place({ name, dir: path.join(dir, name), group: daemons });
  }

  /** A seed of 5 MiB, and how other peers are started. */
  async function startSeed() {
    await writeSeededContent(path.join(dir, "origin", "content"), FILES, 1);
    const tracker = await startTracker(place("tracker"), "127.0.0.1", PLAIN);
    const file = path.join(dir, "content.torrent");
    const content = {
      parent: path.join(dir, "origin"),
      name: "content",
      files: FILES,
      pieceLength: PIECE_LENGTH,
    };
    const infoHash = await createTorrent(content, tracker.announceUrl, file);
    const startIn = (name: string, listen: string, folder: string) =>
      startPeerProcess(place(name).launcher, {
        name,
        torrentFiles: [file],
        dir: folder,
        listen,
        ledgerFile: path.join(dir, name, "ledger.json"),
      });
    await startIn("seed", "127.1.0.1:0", content.parent);
    return { file, infoHash, startIn };
  }

  /** Somebody who has 3 MiB of room for it. */
  async function downloadIntoFullDisk() {
    const filler = path.join(disk, "filler");
    await writeFile(filler, Buffer.alloc(5 * MiB, "filler"));
    const { infoHash, startIn } = await startSeed();
    const start = (name: string) => startIn(name, "127.1.0.2:0", disk);
    return { filler, infoHash, start, leecher: await start("leecher") };
  }

  /** A daemon that has the first file, and no room for more. */
  async function daemonOnFullDisk() {
    const { file } = await startSeed();
    const { daemon, order: tell } = await startDaemon(place("daemon"), "127.1.0.2:0", disk);
    await tell("add", file, "--skip-files", "folder");
    await daemon.waitFor("complete", { timeoutMs: CEILING_MS });
    const filler = path.join(disk, "filler");
    const full = await writeFile(filler, Buffer.alloc(8 * MiB, "filler")).catch((error) => error.code);
    expect(full).toBe("ENOSPC");
    return { daemon, filler, tell };
  }

  it("pauses the torrent, says why once, and goes on when there is room", async () => {
    const { filler, infoHash, leecher } = await downloadIntoFullDisk();
    const paused = await leecher.daemon.waitFor("progress", { accepts: isPaused, timeoutMs: CEILING_MS });
    const { paused: why, verifiedBytes } = torrentOf(paused);
    expect(why).toMatch(
      new RegExp(`^${disk}: no space is left on the disk, [0-9.]+ [KM]iB more are needed$`),
    );
    expect(verifiedBytes).toBeGreaterThan(MiB);
    expect(verifiedBytes).toBeLessThan(LENGTH);

    // It stays so: it asks for nothing, loses nobody, and does not say it again.
    const from = leecher.daemon.lines.length;
    const later = leecher.daemon.waitFor("progress", { from, accepts: nth(12), timeoutMs: CEILING_MS });
    expect(torrentOf(await later)).toMatchObject({ state: "paused", verifiedBytes, peers: 1 });
    const received = receivedOf(await leecher.ledger(infoHash));
    expect(linesOf(leecher, '"event":"no-space"').length).toBe(1);

    await rm(filler);
    await leecher.complete({ timeoutMs: CEILING_MS });
    const different = await findDifference(
      path.join(dir, "origin", "content"),
      path.join(disk, "content"),
      FILES,
    );
    expect(different).toBeUndefined();
    expect(linesOf(leecher, "there is room again").length).toBe(1);
    await stopPeer(leecher);
    // What had come of pieces that were begun was taken twice, and no more.
    expect(receivedOf(await leecher.ledger(infoHash))).toBeLessThan(LENGTH + received - verifiedBytes + MiB);
  });

  it("takes other files to be wanted at once, says that the torrent waits for room, and gets them when there is", async () => {
    const { daemon, filler, tell } = await daemonOnFullDisk();
    const told = await tell("files", "content", "--high", "1");
    expect(told).toMatch(/^ *1 +high +[\d.]+% .*content\/folder\/last\.bin$/m);
    const lack = `${disk}: no space is left on the disk, `;
    expect(told).toContain(`\nthe torrent is paused: ${lack}`);
    const status = JSON.parse(await tell("status", "content", "--json"));
    expect(status).toMatchObject({ state: "paused", paused: expect.stringContaining(lack) });

    const from = daemon.lines.length;
    await tell("files", "content", "--skip", "1");
    await daemon.waitFor("complete", { from, timeoutMs: CEILING_MS });
    expect(await tell("files", "content", "--normal", "1")).toContain(lack);

    const complete = daemon.waitFor("complete", { from: daemon.lines.length, timeoutMs: CEILING_MS });
    await rm(filler);
    await complete;
    const origin = path.join(dir, "origin", "content");
    expect(await findDifference(origin, path.join(disk, "content"), FILES)).toBeUndefined();
  });

  it("may be stopped meanwhile, and what was verified is found again", async () => {
    const { filler, leecher, start } = await downloadIntoFullDisk();
    const paused = await leecher.daemon.waitFor("progress", { accepts: isPaused, timeoutMs: CEILING_MS });
    await stopPeer(leecher);
    expect((await statfs(disk)).bavail).toBeLessThan(64);
    await rm(filler);
    const again = await start("leecher again");
    await again.complete({ timeoutMs: CEILING_MS });
    const [, pieces] = await again.daemon.waitForLine(/"event":"checked","pieces":(\d+)/);
    expect(Number(pieces) * PIECE_LENGTH).toBeGreaterThanOrEqual(torrentOf(paused).verifiedBytes);
  });
});

function torrentOf(event: DaemonEvent): TorrentLine {
  const [torrent] = event.torrents as readonly TorrentLine[];
  if (!torrent) throw new Error("a peer without torrents");
  return torrent;
}

function isPaused(event: DaemonEvent): boolean {
  return torrentOf(event).state === "paused";
}

/** Accepts the nth event that it is asked of. */
function nth(n: number): (event: DaemonEvent) => boolean {
  let seen = 0;
  return () => ++seen >= n;
}

function linesOf({ daemon }: PeerProcess, part: string): string[] {
  return daemon.lines.flatMap(({ text }) => (text.includes(part) ? [text] : []));
}

function receivedOf(account: Awaited<ReturnType<PeerProcess["ledger"]>>): number {
  const bytes = account.roles.flatMap(({ bytesByAsn }) => Object.values(bytesByAsn));
  return bytes.reduce((sum, one) => sum + one, 0);
}
