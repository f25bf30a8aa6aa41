import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CEILING_MS, complete, PLAIN, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const PIECE = 64 * 1024;
const PIECES = 150;
const KILLS = 4;
/** Progress is told each second: so slow that none of the kills comes when all is there. */
const SEED_RATE = 1_000_000;

describeInLab("our leecher, killed in mid download from libtorrent's seed", libtorrent.commands, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab?.close());

  test("asks for no block again of a piece that was whole on disk", async () => {
    const trackerHost = await lab.addHost("tracker", 200);
    const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const source = await lab.addDir("source");
    const plan = { name: "content.bin", tracker, pieceLength: PIECE, content: PIECES * PIECE };
    const torrent = await makeTorrent(source, plan);
    const settings = { upload_rate_limit: SEED_RATE };
    const seedHost = await lab.addHost("lt-seed", 1);
    const seed = await startLibtorrent(seedHost, "seed", source, [torrent], settings, true);

    const host = await lab.addHost("leecher", 2);
    const downloads = await lab.addDir("downloads");
    const start = () => startPeer(host, host.ipv4, [torrent], downloads);
    let whole: number[] = [];
    for (let run = 0; run <= KILLS; run++) {
      const before = whole;
      const sentBefore = seed.uploads(torrent).length;
      const leecher = await start();
      if (run < KILLS) {
        await leecher.daemon.waitFor("progress", {
          accepts: (event) => verifiedBytes(event) > before.length * PIECE,
          timeoutMs: CEILING_MS,
        });
        const lost = seed.loses(host.ipv4);
        leecher.daemon.kill("SIGKILL");
        await Promise.all([leecher.daemon.exited, lost]);
      } else {
        await complete(leecher, torrent);
        await stopPeer(leecher);
      }
      whole = await wholePieces(torrent, downloads);
      expect(whole).toEqual(expect.arrayContaining(before));
      expect(whole.length).toBeGreaterThan(before.length);
      const sent = new Set(seed.uploads(torrent).slice(sentBefore));
      expect(before.filter((piece) => sent.has(piece))).toEqual([]);
    }
    await expectSameContent(torrent, downloads);
  });
});

function verifiedBytes(event: Readonly<Record<string, unknown>>): number {
  return (event.torrents as { verifiedBytes: number }[])[0]?.verifiedBytes ?? 0;
}

/** Of a torrent of one file, by comparing it with its source. */
async function wholePieces({ name, source }: MadeTorrent, folder: string): Promise<number[]> {
  const [made, got] = await Promise.all(
    [source, folder].map((one) => readFile(path.join(one, name)).catch(() => Buffer.alloc(0))),
  );
  const pieceOf = (bytes: Buffer | undefined, piece: number) =>
    bytes?.subarray(piece * PIECE, (piece + 1) * PIECE) ?? Buffer.alloc(0);
  return [...Array(PIECES).keys()].filter((piece) => pieceOf(made, piece).equals(pieceOf(got, piece)));
}
