import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { AS2, useBench, verifiedBytes } from "./support/e2e.ts";
import { twoAses } from "./support/two-ases.ts";

const KiB = 1024;
const BLOCK = 16 * KiB;
const bench = useBench("limits");

it("a limit on what goes to other ASes holds there, and holds up nobody inside", async () => {
  const { infoHash, start } = await twoAses(bench(), 4096 * KiB, "bittorrent");
  const { clock } = bench().launcher;
  const limit = 50_000;
  const slow = ["--limit-up-external", "50kB/s"];
  const seed = await start("seed", "127.1.0.1:0", slow);
  const began = clock.now();
  const outside = await start("outside", "127.2.0.1:0");
  await outside.daemon.waitFor("progress", { accepts: (event) => verifiedBytes(event) > 0 });
  // It waits for the next block outside when those inside come.
  const inside = await start("inside", "127.1.0.2:0", slow);
  await inside.complete();
  const seedLedger = await seed.ledger(infoHash);
  const insideLedger = await inside.ledger(infoHash);
  const elapsedS = (clock.now() - began) / 1000;
  for (const ledger of [seedLedger, insideLedger]) {
    // The burst of a full bucket, and the block that goes into debt.
    expect(ledger.sentByAsn[AS2] ?? 0).toBeLessThanOrEqual(limit * elapsedS + 2 * BLOCK);
  }
  // At that rate it would have taken 80 s.
  expect(elapsedS).toBeLessThan(60);
  expect(outside.daemon.events.some(({ event }) => event === "complete")).toBe(false);
});

it("a peer reads its limits again on SIGHUP, and keeps them if the file is bad", async () => {
  const { start } = await twoAses(bench(), 2048 * KiB, "bittorrent");
  const file = join(bench().dir, "peer.yml");
  await writeFile(file, "limit-up: 20kB/s\n");
  const seed = await start("seed", "127.1.0.1:0", ["--config", file]);
  const leecher = await start("leecher", "127.2.0.1:0");
  await leecher.daemon.waitFor("progress", { accepts: (event) => verifiedBytes(event) > 0 });

  await writeFile(file, "limit-up: 20kB/s\nlimit-schedule: [mon 8-18 up=1MB/s]\n");
  seed.daemon.kill("SIGHUP");
  await seed.daemon.waitForLine(/not reloaded.*peer\.yml:2.*has \\"8\\" for a time/);
  expect(seed.daemon.isRunning).toBe(true);
  expect(leecher.daemon.events.some(({ event }) => event === "complete")).toBe(false);

  await writeFile(file, "numwant: 7\nlimit-schedule: [00:00-24:00 up=none]\n");
  seed.daemon.kill("SIGHUP");
  await seed.daemon.waitForLine(/"changed":\["limit-up","limit-schedule"\]/);
  await seed.daemon.waitForLine(/start the peer again for numwant/);
  // The rest would have taken 100 s.
  await leecher.complete();
  await leecher.daemon.stop();
  expect(await seed.daemon.stop()).toEqual({ code: 143, signal: null });
});
