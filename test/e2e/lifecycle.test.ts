import { readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import {
  createTorrent,
  type PeerProcess,
  startPeerProcess,
  startTrackerProcess,
  type TrackerProcess,
} from "@cachetorrent/testbed";
import { beforeEach, describe, expect, it } from "vitest";
import { AS1, AS2, expectEqualContent, makeContent, useBench, verifiedBytes } from "./support/e2e.ts";

const KiB = 1024;
const bench = useBench("lifecycle");

let tracker: TrackerProcess;

beforeEach(async () => {
  tracker = await startTrackerProcess(bench().launcher, { ases: [AS1, AS2], policy: "bittorrent" });
});

async function torrentOf(name: string, bytes: number) {
  const content = await makeContent(bench(), { name, bytes, seed: bytes });
  const file = join(bench().dir, `${name}.torrent`);
  const infoHash = await createTorrent(content, tracker.announceUrl, file);
  return { content, file, infoHash };
}

function startPeer(
  name: string,
  listen: string,
  torrentFiles: readonly string[],
  dir: string,
  args: readonly string[] = [],
): Promise<PeerProcess> {
  const ledgerFile = join(bench().dir, `${name}.json`);
  return startPeerProcess(bench().launcher, { name, torrentFiles, dir, listen, ledgerFile, args });
}

describe("a peer that is told to end", () => {
  it.for([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)(
    "by %s announces `stopped` and exits with %i within 5 s, in mid transfer",
    async ([signal, code]) => {
      const torrent = await torrentOf("content", 2048 * KiB);
      const seed = await startPeer("seed", "127.1.0.1:0", [torrent.file], torrent.content.parent, [
        "--limit-up",
        "200KB/s",
      ]);
      const leecher = await startPeer("leecher", "127.2.0.1:0", [torrent.file], join(bench().dir, "leecher"));
      await leecher.daemon.waitFor("progress", { accepts: (event) => verifiedBytes(event) > 0 });
      expect(await memberCount(torrent.infoHash)).toBe(2);

      const asked = bench().launcher.clock.now();
      // Twice, as by timeout(1): it tells its child, and then its whole process group.
      leecher.daemon.kill(signal);
      leecher.daemon.kill(signal);
      expect(await leecher.daemon.exited).toEqual({ code, signal: null });
      expect(bench().launcher.clock.now() - asked).toBeLessThan(5000);
      // The tracker has forgotten it before it ended: that it was asked nothing else is the proof of `stopped`.
      expect(await memberCount(torrent.infoHash)).toBe(1);
      expect(seed.daemon.isRunning).toBe(true);
    },
  );
});

async function memberCount(infoHash: InfoHash): Promise<number> {
  const swarm = await tracker.swarm(infoHash);
  return (swarm?.complete ?? 0) + (swarm?.incomplete ?? 0);
}

describe("a peer", () => {
  it("with --exit-on-complete exits with 0 when it has everything, after it ran --on-complete", async () => {
    const torrent = await torrentOf("content", 600 * KiB);
    await startPeer("seed", "127.1.0.1:0", [torrent.file], torrent.content.parent);
    const told = join(bench().dir, "told");
    const leecher = await startPeer("leecher", "127.2.0.1:0", [torrent.file], join(bench().dir, "leecher"), [
      "--exit-on-complete",
      ...[
        "--on-complete",
        `echo not for stdout; printf '%s %s %s' "$CT_INFO_HASH" "$CT_NAME" "$CT_DIR" > '${told}'`,
      ],
    ]);
    expect(await leecher.daemon.exited).toEqual({ code: 0, signal: null });
    expect(await readFile(told, "utf8")).toBe(`${torrent.infoHash} content ${leecher.dir}`);
    await expectEqualContent(torrent.content, leecher.dir);
  });

  it("that has everything from the start exits with 0 too", async () => {
    const torrent = await torrentOf("content", 100 * KiB);
    const peer = await startPeer("peer", "127.1.0.1:0", [torrent.file], torrent.content.parent, [
      "--exit-on-complete",
    ]);
    expect(await peer.daemon.exited).toEqual({ code: 0, signal: null });
  });

  it("looks for others by no DHT and no local discovery unless it is told to", async () => {
    const torrent = await torrentOf("content", 600 * KiB);
    const seed = await startPeer("seed", "127.1.0.1:0", [torrent.file], torrent.content.parent);
    const leecher = await startPeer("leecher", "127.2.0.1:0", [torrent.file], join(bench().dir, "leecher"));
    await leecher.complete();
    expect(await Promise.all([seed, leecher].map(udpSockets))).toEqual([[], []]);
    const asked = ["--dht", "--dht-bootstrap", seed.endpoint];
    const willing = await startPeer("willing", "127.1.0.2:0", [torrent.file], torrent.content.parent, asked);
    expect(await udpSockets(willing)).toHaveLength(1);
  });

  it("shares and fetches several torrents in one process", async () => {
    const torrents = [
      await torrentOf("first", 900 * KiB),
      await torrentOf("second", 500 * KiB),
      await torrentOf("third", 1 * KiB),
    ];
    const files = torrents.map((torrent) => torrent.file);
    await startPeer("seed", "127.1.0.1:0", files, join(bench().dir, "origin"));
    const leecher = await startPeer("leecher", "127.2.0.1:0", files, join(bench().dir, "leecher"), [
      "--exit-on-complete",
    ]);
    expect(await leecher.daemon.exited).toEqual({ code: 0, signal: null });
    const complete = leecher.daemon.events.filter((event) => event.event === "complete");
    expect(complete.map((event) => event.infoHash).toSorted()).toEqual(
      torrents.map((torrent) => torrent.infoHash).toSorted(),
    );
    for (const torrent of torrents) await expectEqualContent(torrent.content, leecher.dir);
  });
});

/** The inodes of those that the peer has. */
async function udpSockets({ daemon }: PeerProcess): Promise<string[]> {
  const tables = await Promise.all(["udp", "udp6"].map((name) => readFile(`/proc/net/${name}`, "utf8")));
  const all = new Set(tables.flatMap((table) => table.split("\n").map((line) => line.trim().split(/ +/)[9])));
  const folder = `/proc/${daemon.pid}/fd`;
  const open = await Promise.all(
    (await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => "closed meanwhile")),
  );
  return open.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []).filter((inode) => all.has(inode));
}
