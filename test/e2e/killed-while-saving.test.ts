import { cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ControlClient, connectToDaemon } from "@cachetorrent/control";
import { createTorrentFile, loadMetainfo } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import { type DaemonProcess, type Launcher, launch } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { dyingAt, MOMENTS } from "./support/dying-at.ts";
import { expectEqualContent, useBench, verifiedBytes } from "./support/e2e.ts";
import { checkedPieces, validPieces } from "./support/pieces-on-disk.ts";
import { makeSeededSwarm } from "./support/seeded-swarm.ts";

const KiB = 1024;
const KILLED = { code: null, signal: "SIGKILL" };
const bench = useBench("killed-while-saving");

/** As one who may not live until it listens: it is not waited for. */
function launchLeecher(
  launcher: Launcher,
  name: string,
  torrent: string,
  dir: string,
  args: readonly string[] = [],
): Promise<DaemonProcess> {
  // The tracker still lists those that were killed.
  const usual = ["--listen", "127.2.0.1:0", "--numwant", "200", "--json"];
  const where = ["--dir", dir, "--state", join(bench().dir, "state")];
  return launch(launcher, name, ["peer", torrent, ...where, ...usual, ...args]);
}

it("killed at each moment of saving what it has, a leecher finds the old state or the new one, and every piece", async () => {
  const { dir, launcher } = bench();
  const { content, torrent, startSeed } = await makeSeededSwarm(bench(), 8192 * KiB + 777);
  const metainfo = await loadMetainfo(torrent);
  const downloads = join(dir, "leecher");
  await startSeed("slow seed", ["--limit-up", "300kB/s"]);
  const first = await launchLeecher(launcher, "first", torrent, downloads);
  await first.waitFor("progress", { accepts: (event) => verifiedBytes(event) > 0 });
  first.kill("SIGKILL");
  await first.exited;

  const runs = [first];
  let onDisk = (await validPieces(metainfo, downloads)).size;
  for (const moment of MOMENTS) {
    const dying = await launchLeecher(dyingAt(launcher, moment, ".resume.tmp"), moment, torrent, downloads);
    expect(await dying.exited).toEqual(KILLED);
    runs.push(dying);
    expect([undefined, onDisk], `found by who dies when it is ${moment}`).toContain(checkedPieces(dying));
    const before = onDisk;
    onDisk = (await validPieces(metainfo, downloads)).size;
    expect(onDisk, `on disk when it was ${moment}`).toBeGreaterThanOrEqual(before);
  }
  expect(onDisk, "killed until it was complete: there is nothing left to fetch").toBeLessThan(
    metainfo.pieceCount,
  );

  await startSeed("fast seed");
  const last = await launchLeecher(launcher, "last", torrent, downloads);
  await last.waitFor("complete");
  expect(checkedPieces(last)).toBe(onDisk);
  await expectEqualContent(content, downloads);
  for (const { lines } of [...runs, last]) {
    // As it says of a state that it cannot use.
    expect(lines.map(({ text }) => text).filter((text) => text.includes("checking the content"))).toEqual([]);
  }
});

it("killed at any moment of an order a daemon has done it, or has never heard of it", async () => {
  const { dir, launcher } = bench();
  const stateDir = join(dir, "state");
  const downloads = join(dir, "downloads");
  await mkdir(downloads);
  const listed: InfoHash[] = [];
  let limit: number | null = null;
  let runs = 0;
  const start = async (by: Launcher) => {
    const where = ["--dir", downloads, "--state", stateDir, "--listen", "127.2.0.1:0"];
    const name = `daemon ${++runs}`;
    const daemon = await launch(by, name, [
      "peer",
      "--daemon",
      ...where,
      "--control",
      "127.0.0.1:0",
      "--json",
    ]);
    await daemon.waitFor("listening");
    const client = await connectToDaemon({ stateDir });
    const { limits, torrents } = await client.status();
    expect(torrents.map(({ infoHash }) => infoHash).sort(), `the torrents of ${name}`).toEqual(listed.sort());
    expect(limits.up).toBe(limit);
    // Nothing is left of what was not done.
    const files = await readdir(join(stateDir, "torrents"));
    expect(files.sort()).toEqual(listed.map((infoHash) => `${infoHash}.torrent`));
    return { daemon, client };
  };
  const add = async (): Promise<Order> => {
    const { infoHash, text } = await makeSmallTorrent(`small ${runs}`);
    const ask = (client: ControlClient) => client.add({ torrent: text, paused: true });
    return { ask, done: () => listed.push(infoHash) };
  };
  const remove = async (): Promise<Order> => ({
    ask: (client) => client.remove(listed[0] as InfoHash, false),
    done: () => listed.shift(),
  });
  const setLimit = async (): Promise<Order> => ({
    ask: (client) => client.changeLimits({ up: 5000 }),
    done: () => (limit = 5000),
  });

  const LIST = "torrents.json.tmp";
  for (const [order, moment, end] of [
    [add, "opened", ".torrent.tmp"],
    [add, "half written", ".torrent.tmp"],
    [add, "renamed", ".torrent.tmp"],
    [add, "opened", LIST],
    [add, "renamed", LIST],
    [setLimit, "half written", LIST],
    [remove, "synced", LIST],
    [setLimit, "renamed", LIST],
    [remove, "renamed", LIST],
  ] as const) {
    const { client, daemon } = await start(dyingAt(launcher, moment, end));
    const { ask, done } = await order();
    await expect(ask(client)).rejects.toThrow("no daemon answers");
    expect(await daemon.exited).toEqual(KILLED);
    if (end === LIST && moment === "renamed") done();
  }
  await start(launcher);
});

/** Of a daemon. */
interface Order {
  ask(client: ControlClient): Promise<unknown>;
  /** It holds from now on. */
  done(): void;
}

it("killed while it moves what it kept of a skipped file to its place, a leecher makes that file whole all the same", async () => {
  const { dir, launcher } = bench();
  const { content, torrent, startSeed } = await makeSeededSwarm(bench(), 1024 * KiB + 3);
  await startSeed("seed");
  const skipped = join(dir, "skipped");
  const first = await launchLeecher(launcher, "first", torrent, skipped, ["--skip-files", "folder"]);
  await first.waitFor("complete");
  await first.stop();
  expect(await readdir(skipped)).toContainEqual(expect.stringContaining(".parts."));

  for (const moment of ["opened", "half written", "written"] as const) {
    const downloads = join(dir, moment);
    await cp(skipped, downloads, { recursive: true });
    const dying = await launchLeecher(dyingAt(launcher, moment, "last.bin"), moment, torrent, downloads);
    expect(await dying.exited).toEqual(KILLED);
    const again = await launchLeecher(launcher, `after ${moment}`, torrent, downloads);
    await again.waitFor("complete");
    await again.stop();
    await expectEqualContent(content, downloads);
    expect(await readdir(downloads)).toEqual(["content"]);
  }
});

/** One of a few bytes, which are nowhere; in base64, as an order has it. */
async function makeSmallTorrent(name: string): Promise<{ infoHash: InfoHash; text: string }> {
  const path = join(bench().dir, name);
  await writeFile(path, name);
  const { bytes, metainfo } = await createTorrentFile({ path, trackers: [], pieceLength: 16 * KiB });
  return { infoHash: metainfo.infoHash, text: Buffer.from(bytes).toString("base64") };
}
