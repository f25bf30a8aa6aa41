import { join } from "node:path";
import { createTorrent, receivedBytes, startPeerProcess, startTrackerProcess } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { AS1, AS2, expectEqualContent, makeContent, useBench, verifiedBytes } from "./support/e2e.ts";

const KiB = 1024;
const bench = useBench("resume");

it("a leecher killed in mid run and started again fetches no verified piece a second time", async () => {
  const { dir, launcher } = bench();
  const bytes = 4 * 1024 * KiB + 777;
  const content = await makeContent(bench(), { bytes, pieceLength: 32 * KiB });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  const torrent = join(dir, "content.torrent");
  const infoHash = await createTorrent(launcher, content, tracker.announceUrl, torrent);
  const seed = await startPeerProcess(launcher, {
    name: "seed",
    torrentFiles: [torrent],
    dir: content.parent,
    listen: "127.1.0.1:0",
    ledgerFile: join(dir, "seed.json"),
    args: ["--limit-up", "1MB/s"],
  });
  const options = { torrentFiles: [torrent], dir: join(dir, "leecher"), listen: "127.2.0.1:0" };
  const first = await startPeerProcess(launcher, {
    ...options,
    name: "leecher",
    ledgerFile: join(dir, "leecher.json"),
  });
  const progress = await first.daemon.waitFor("progress", {
    accepts: (event) => verifiedBytes(event) > bytes / 4,
  });
  first.daemon.kill("SIGKILL");
  await first.daemon.exited;
  expect(
    first.daemon.events.some((event) => event.event === "complete"),
    "killed too late",
  ).toBe(false);

  const second = await startPeerProcess(launcher, {
    ...options,
    name: "leecher again",
    ledgerFile: join(dir, "leecher-again.json"),
  });
  await second.complete();
  await second.daemon.stop();
  await seed.daemon.stop();
  const ledger = await second.ledger(infoHash);
  const fetched = receivedBytes({ asn: AS2, initialSeed: false, ledger });
  // One seed, no endgame: every byte is asked for once. What was verified a moment before the kill may be more.
  expect(fetched).toBeGreaterThan(0);
  expect(fetched).toBeLessThanOrEqual(bytes - verifiedBytes(progress));
  await expectEqualContent(content, second.dir);
});
