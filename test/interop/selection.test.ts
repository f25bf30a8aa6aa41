import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CEILING_MS, complete, PLAIN, startPeer, startTracker } from "./support/cachetorrent.ts";
import { libtorrent, type RunningLibtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { startDaemon } from "./support/daemon.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const PIECE = 64 * 1024;
/** The torrent begins with what is to come last. None but the last file ends with a piece. */
const FILES = {
  "low.bin": 1_000_001,
  "skipped/a.bin": 500_000,
  "normal.bin": 1_000_000,
  "high.bin": 1_000_001,
};
const RANKS = { "low.bin": 1, "skipped/a.bin": 0, "normal.bin": 2, "high.bin": 3 };
/** Slow enough that the disk is seen on the way. */
const SEED_RATE = 2_000_000;

describeInLab("which files, and in which order, from libtorrent's seed", libtorrent.commands, () => {
  let lab: Lab;
  let seed: RunningLibtorrent;
  let files: MadeTorrent;
  let film: MadeTorrent;
  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", 200);
    const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const source = await lab.addDir("source");
    files = await makeTorrent(source, { name: "files", tracker, pieceLength: PIECE, content: FILES });
    film = await makeTorrent(source, { name: "film", tracker, pieceLength: PIECE, content: 50 * PIECE - 1 });
    const settings = { upload_rate_limit: SEED_RATE };
    const host = await lab.addHost("lt-seed", 1);
    seed = await startLibtorrent(host, "seed", source, [files, film], settings, true);
  });
  afterAll(() => lab?.close());

  test("files of a high priority are complete before others begin, and one that is not wanted is never there", async () => {
    const data = await lab.addDir("data");
    const host = await lab.addHost("daemon", 2);
    const { daemon, order } = await startDaemon(host, `${host.ipv4}:6881`, data);
    await order("add", files.file, "--paused");
    const priorities = ["--high", "high.bin", "--low", "low.bin", "--skip", "a.bin"];
    await order("files", files.infoHash, ...priorities);
    await order("resume", files.infoHash);

    const isWhole = async (name: string) =>
      (await bytesOf(files, data, name)).equals(await bytesOf(files, files.source, name));
    /** Bytes of the file that are there, but for the piece that it shares with the next one. */
    const begun = async (name: string) =>
      (await bytesOf(files, data, name)).subarray(0, -PIECE).some((byte) => byte !== 0);
    const done = daemon.waitFor("complete", { timeoutMs: CEILING_MS });
    let isDone = false;
    void done.then(() => (isDone = true));
    while (!isDone) {
      // The later one first: what it waits for may not come between.
      for (const [later, earlier] of [
        ["low.bin", "normal.bin"],
        ["normal.bin", "high.bin"],
      ] as const) {
        if (!(await begun(later))) continue;
        expect(await isWhole(earlier), `${earlier} when ${later} had begun`).toBe(true);
      }
      expect(await readdir(path.join(data, files.name)).catch(() => [])).not.toContain("skipped");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await done;
    await expectSameContent(files, data, [path.join(files.name, "skipped", "a.bin")]);
    expect((await readdir(path.join(data, files.name))).sort()).toEqual([
      "high.bin",
      "low.bin",
      "normal.bin",
    ]);

    const ranks = ranksOfPieces();
    expect(uploaded(seed, files).map((piece) => ranks[piece])).toEqual(
      ranks.filter((rank) => rank > 0).sort((a, b) => b - a),
    );
  });

  test("one after the other, where we are told to take them in sequence", async () => {
    const host = await lab.addHost("sequential", 3);
    const downloads = await lab.addDir("downloads");
    const peer = await startPeer(host, host.ipv4, [film], downloads, ["--sequential"]);
    await complete(peer, film);
    await expectSameContent(film, downloads);
    expect(uploaded(seed, film)).toEqual([...Array(50).keys()]);
  });
});

/** The pieces of which it has sent blocks, in the order of the first. */
function uploaded(seed: RunningLibtorrent, torrent: MadeTorrent): number[] {
  return [...new Set(seed.uploads(torrent))];
}

/** Of a file as it is below the folder; nothing where it is not there. */
function bytesOf({ name }: MadeTorrent, folder: string, file: string): Promise<Buffer> {
  return readFile(path.join(folder, name, file)).catch(() => Buffer.alloc(0));
}

/** Of each piece the highest rank of the files that have a part in it. */
function ranksOfPieces(): number[] {
  const ranks: number[] = [];
  let begin = 0;
  for (const [file, length] of Object.entries(FILES)) {
    const rank = RANKS[file as keyof typeof RANKS];
    const end = begin + length;
    for (let piece = Math.floor(begin / PIECE); piece * PIECE < end; piece++)
      ranks[piece] = Math.max(ranks[piece] ?? 0, rank);
    begin = end;
  }
  return ranks;
}
