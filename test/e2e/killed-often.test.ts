import { join } from "node:path";
import { randomBelow, seededRandom, systemClock, systemRandom } from "@cachetorrent/clock";
import { loadMetainfo } from "@cachetorrent/peer";
import { startPeerProcess } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { expectEqualContent, useBench } from "./support/e2e.ts";
import { checkedPieces, validPieces } from "./support/pieces-on-disk.ts";
import { makeSeededSwarm } from "./support/seeded-swarm.ts";

const KiB = 1024;
const KILLS = 50;
/** So long after it began to listen a daemon is killed at the latest. */
const LATEST_MS = 400;
/** It takes a minute; where a daemon needs seconds to start, more. */
const CEILING_MS = 600_000;
const bench = useBench("killed-often");

it("a leecher killed 50 times at random moments goes on each time with every piece that was on disk", {
  timeout: CEILING_MS,
}, async () => {
  const seed = Number(process.env.KILL_SEED ?? randomBelow(systemRandom, 2 ** 32));
  console.log(`killed-often: KILL_SEED=${seed}`);
  const random = seededRandom(seed);
  const { dir, launcher } = bench();
  // At 1 MB/s it is not complete before the last kill: that is 50 times 0.2 s on average.
  const { content, startSeed, torrent } = await makeSeededSwarm(bench(), 24 * 1024 * KiB + 777);
  const metainfo = await loadMetainfo(torrent);
  const startLeecher = (run: number) =>
    startPeerProcess(launcher, {
      name: `leecher ${run}`,
      torrentFiles: [torrent],
      dir: join(dir, "leecher"),
      listen: "127.2.0.1:0",
      ledgerFile: join(dir, "leecher", "ledger.json"),
      // The tracker still lists those that were killed.
      args: ["--numwant", "200"],
    });
  await startSeed("slow seed", ["--limit-up", "1MB/s"]);

  let onDisk = 0;
  let told = 0;
  for (let run = 1; run <= KILLS; run++) {
    const leecher = await startLeecher(run);
    const delayMs = random() * LATEST_MS;
    await new Promise<void>((resolve) => systemClock.after(delayMs, resolve, { keepAlive: true }));
    leecher.daemon.kill("SIGKILL");
    await leecher.daemon.exited;
    const found = checkedPieces(leecher.daemon);
    if (found !== undefined) {
      told++;
      expect(found, `pieces found by run ${run}, killed after ${delayMs} ms (seed ${seed})`).toBe(onDisk);
    }
    const before = onDisk;
    onDisk = await validPieces(metainfo, join(dir, "leecher"));
    expect(onDisk, `pieces on disk after run ${run}`).toBeGreaterThanOrEqual(before);
  }
  expect(told, "runs that lived long enough to tell what they found").toBeGreaterThan(KILLS / 4);
  expect(onDisk, "pieces when it was killed for the last time").toBeGreaterThan(10);
  expect(onDisk, "killed until it was complete: there is nothing left to fetch").toBeLessThan(
    metainfo.pieceCount,
  );

  await startSeed("fast seed", []);
  const last = await startLeecher(KILLS + 1);
  await last.complete();
  expect(checkedPieces(last.daemon)).toBe(onDisk);
  await expectEqualContent(content, last.dir);
});
