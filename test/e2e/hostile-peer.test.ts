import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createTorrent, receivedBytes, startPeerProcess, startTrackerProcess } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { AS1, AS2, eventually, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";
import { HostilePeer } from "./support/hostile-peer.ts";

const KiB = 1024;
const bench = useBench("hostile-peer");

it("a peer that sends bad data is banned and costs nothing but its own blocks", async () => {
  const { dir, launcher } = bench();
  const bytes = 3 * 1024 * KiB;
  const content = await makeContent(bench(), { bytes });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  const torrent = join(dir, "content.torrent");
  const infoHash = await createTorrent(launcher, content, tracker.announceUrl, torrent);
  const hostile = await HostilePeer.start("127.1.0.66", infoHash);
  try {
    await hostile.announce(tracker.announceUrl);
    const options = { torrentFiles: [torrent], listen: "127.1.0.1:0" };
    const leecher = await startPeerProcess(launcher, {
      name: "leecher",
      torrentFiles: [torrent],
      dir: join(dir, "leecher"),
      listen: "127.2.0.1:0",
      ledgerFile: join(dir, "leecher.json"),
    });
    // It knows nobody else yet: everything it gets at first is bad.
    await eventually("a block of the hostile peer", async () => hostile.sentBytes || undefined, 30_000);
    await startPeerProcess(launcher, {
      ...options,
      name: "seed",
      dir: content.parent,
      ledgerFile: join(dir, "seed.json"),
    });
    await leecher.complete({ timeoutMs: 60_000 });
    await leecher.daemon.stop();

    await expectEqualContent(content, leecher.dir);
    expect(await readFile(leecher.daemon.logFile, "utf8")).toMatch(
      /127\.1\.0\.66:\d+ sent bad data and is banned/,
    );
    expect(hostile.askedOver, "it was asked again after it was banned").toBe(1);
    const received = receivedBytes({ asn: AS2, initialSeed: false, ledger: await leecher.ledger(infoHash) });
    expect(received).toBeGreaterThan(bytes);
    expect(received).toBeLessThanOrEqual(bytes + hostile.sentBytes);
  } finally {
    await hostile.stop();
  }
});

it("a good peer is not banned for the bad blocks that another added to its pieces", async () => {
  const { dir, launcher } = bench();
  const bytes = 2 * 1024 * KiB;
  const content = await makeContent(bench(), { bytes, pieceLength: 256 * KiB });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  const torrent = join(dir, "content.torrent");
  const infoHash = await createTorrent(launcher, content, tracker.announceUrl, torrent);
  const hostile = await HostilePeer.start("127.1.0.66", infoHash);
  try {
    const seed = await startPeerProcess(launcher, {
      name: "seed",
      torrentFiles: [torrent],
      dir: content.parent,
      listen: "127.1.0.1:0",
      ledgerFile: join(dir, "seed.json"),
      args: ["--limit-up", "500KB/s"],
    });
    await hostile.announce(tracker.announceUrl);
    const leecher = await startPeerProcess(launcher, {
      name: "leecher",
      torrentFiles: [torrent],
      dir: join(dir, "leecher"),
      listen: "127.2.0.1:0",
      ledgerFile: join(dir, "leecher.json"),
    });
    await leecher.complete({ timeoutMs: 60_000 });
    await leecher.daemon.stop();
    await expectEqualContent(content, leecher.dir);
    const log = await readFile(leecher.daemon.logFile, "utf8");
    expect(log).not.toContain(`${seed.endpoint} sent bad data`);
  } finally {
    await hostile.stop();
  }
});
