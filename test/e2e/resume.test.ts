import { readdir, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { createTorrent, receivedBytes, startPeerProcess, startTrackerProcess } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { AS1, AS2, expectEqualContent, makeContent, useBench, verifiedBytes } from "./support/e2e.ts";
import { spoilUnseen } from "./support/pieces-on-disk.ts";

const KiB = 1024;
const TERMINATED = 143;
const bench = useBench("resume");

it("a leecher killed in mid run and started again fetches no verified piece a second time", async () => {
  const { dir, launcher } = bench();
  const bytes = 4 * 1024 * KiB + 777;
  const content = await makeContent(bench(), { bytes, pieceLength: 32 * KiB });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  const torrent = join(dir, "content.torrent");
  const infoHash = await createTorrent(content, tracker.announceUrl, torrent);
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

describe("a seed started again", () => {
  /** A seed that has verified its content and was stopped, and its resume file. */
  async function stoppedSeed() {
    const { dir, launcher } = bench();
    const content = await makeContent(bench(), { bytes: 1024 * KiB, pieceLength: 32 * KiB });
    const torrent = join(dir, "content.torrent");
    // Nobody needs to answer there.
    await createTorrent(content, "http://127.0.0.1:9/announce", torrent);
    const start = async (name: string) => {
      const seed = await startPeerProcess(launcher, {
        name,
        torrentFiles: [torrent],
        dir: content.parent,
        listen: "127.1.0.1:0",
        ledgerFile: join(dir, "ledger.json"),
      });
      await seed.daemon.waitForLine(/"event":"checked"/);
      return seed;
    };
    const first = await start("first");
    expect((await first.daemon.stop()).code).toBe(TERMINATED);
    const [name = "none"] = await readdir(join(dir, "state"));
    return { content, resumeFile: join(dir, "state", name), start };
  }

  it("reads nothing that nobody has written to", async () => {
    const { content, start } = await stoppedSeed();
    await spoilUnseen(join(content.parent, content.name, "first.bin"));
    const again = await start("again");
    await again.daemon.waitForLine(/"event":"checked","pieces":32,"of":32/);
  });

  it("reads everything where its resume file was cut in half, and names that", async () => {
    const { content, resumeFile, start } = await stoppedSeed();
    await spoilUnseen(join(content.parent, content.name, "first.bin"));
    await truncate(resumeFile, (await stat(resumeFile)).size / 2);
    const again = await start("again");
    await again.daemon.waitForLine(/"event":"checked","pieces":31,"of":32/);
    const told = again.daemon.lines.filter(({ text }) =>
      text.includes(`${resumeFile} is cut short or damaged`),
    );
    expect(told).toHaveLength(1);
    expect(told[0]?.text).toContain('"level":40');
  });
});
