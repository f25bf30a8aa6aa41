import { truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { describe, expect, it, onTestFinished } from "vitest";
import { Content } from "../src/disk/content.ts";
import { PieceCache } from "../src/disk/piece-cache.ts";
import { listeningLog } from "./support/samples.ts";
import { writeContent } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";

/** a: pieces 0 to 3, and 4 in part; b: 4 in part to 9. */
const tenPieces = () =>
  torrentOf([
    { path: ["a"], content: noise(70 * KIB, 1) },
    { path: ["b"], content: noise(90 * KIB, 2) },
  ]);

/** What opening the content in this directory warns of. */
async function open(torrent: GivenTorrent, dir: string) {
  const { log, lines } = listeningLog();
  const content = new Content({
    metainfo: torrent.metainfo,
    dir,
    cache: new PieceCache(KIB),
    clock: systemClock,
    log,
  });
  onTestFinished(() => content.close());
  await content.open();
  const warnings: string[] = [];
  while (lines.size > 0) warnings.push((await lines.next()).msg);
  return { content, warnings };
}

async function onDisk() {
  const torrent = await tenPieces();
  const dir = await temporaryDirectory();
  await writeContent(torrent, dir);
  return { torrent, dir, a: join(dir, "torrent", "a"), b: join(dir, "torrent", "b") };
}

describe("content that is damaged", () => {
  it("is told of once a file, with the number of pieces that will be rewritten", async () => {
    const { torrent, dir, a, b } = await onDisk();
    const edited = Buffer.from(torrent.content.subarray(0, 70 * KIB));
    for (const piece of [0, 2]) edited.write("changed", piece * 16 * KIB + 5);
    await writeFile(a, edited);
    await writeFile(b, Buffer.from(torrent.content.subarray(70 * KIB)).fill("x", 85 * KIB));
    const { content, warnings } = await open(torrent, dir);
    expect(content.have.size).toBe(7);
    expect(warnings).toEqual([`rewriting 2 damaged pieces of ${a}`, `rewriting 1 damaged piece of ${b}`]);
  });

  it("in a piece of two files is told of both, unless one of them is still empty there", async () => {
    const { torrent, dir, a, b } = await onDisk();
    await writeFile(a, Buffer.from(torrent.content.subarray(0, 70 * KIB)).fill("x", 69 * KIB));
    expect((await open(torrent, dir)).warnings).toEqual([
      `rewriting 1 damaged piece of ${a}`,
      `rewriting 1 damaged piece of ${b}`,
    ]);
    await writeFile(b, Buffer.from(torrent.content.subarray(70 * KIB)).fill(0, 0, 10 * KIB));
    expect((await open(torrent, dir)).warnings).toEqual([`rewriting 1 damaged piece of ${a}`]);
  });

  it("is not told of where there is a hole, nor where a file ends early", async () => {
    const { torrent, dir, a, b } = await onDisk();
    await writeFile(a, Buffer.from(torrent.content.subarray(0, 70 * KIB)).fill(0, 16 * KIB));
    await truncate(b, 70 * KIB);
    const { content, warnings } = await open(torrent, dir);
    expect(content.have.size).toBe(4);
    expect(warnings).toEqual([`rewriting 1 damaged piece of ${b}`]);
  });

  it("is not told of in a file that this download has begun itself", async () => {
    const { torrent, dir, a } = await onDisk();
    const spoilt = Buffer.from(torrent.content.subarray(0, 70 * KIB)).fill("x", 0, 100);
    await writeFile(a, spoilt);
    const first = await open(torrent, dir);
    expect(first.warnings).toHaveLength(1);
    await writeFile(a, spoilt.fill("x", 16 * KIB, 17 * KIB));
    await first.content.store(0, pieceOf(torrent, 0));
    await first.content.close();
    expect((await open(torrent, dir)).warnings).toEqual([]);
  });
});
