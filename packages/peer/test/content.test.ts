import { cp, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { Content } from "../src/disk/content.ts";
import { PieceCache } from "../src/disk/piece-cache.ts";
import type { BlockRequest } from "../src/wire/block-request.ts";
import { listeningLog } from "./support/samples.ts";
import { writeContent } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";

const MIB = 1024 * KIB;

/** a: pieces 0 to 3, and 4 in part; b: 4 in part to 9. */
const tenPieces = () =>
  torrentOf([
    { path: ["a"], content: noise(70 * KIB, 1) },
    { path: ["b"], content: noise(90 * KIB, 2) },
  ]);

/** What opening the content in this directory warns of. */
async function open(torrent: GivenTorrent, dir: string, cache = new PieceCache(KIB)) {
  const { log, lines } = listeningLog();
  const content = new Content({
    metainfo: torrent.metainfo,
    dir,
    cache,
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

describe("content that lies in the folder itself, and not in one of the torrent's name", () => {
  it("is told of, with the folder that is meant", async () => {
    const { torrent, dir } = await onDisk();
    const itself = join(dir, "torrent");
    const { content, warnings } = await open(torrent, itself);
    expect(content.have.size).toBe(0);
    expect(warnings).toEqual([expect.stringContaining(`--dir ${dir} names the folder that it is in`)]);
  });

  it("is not told of where other files are, or the folder has another name", async () => {
    const { torrent, dir, a, b } = await onDisk();
    const elsewhere = await temporaryDirectory();
    await cp(join(dir, "torrent"), elsewhere, { recursive: true });
    expect((await open(torrent, elsewhere)).warnings).toEqual([]);
    for (const file of [a, b]) await truncate(file, 5);
    expect((await open(torrent, join(dir, "torrent"))).warnings).toEqual([]);
  });
});

describe("content in memory", () => {
  const { blockBytes, sectionBytes } = LIMITS.peer;

  async function given(pieceLength: number) {
    const torrent = await torrentOf([{ path: ["a"], content: noise(5 * MIB, 3) }], pieceLength);
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    const { content } = await open(torrent, dir, new PieceCache(100 * MIB));
    const block = (piece: number, begin: number, length = blockBytes) => ({ piece, begin, length });
    const bytesOf = ({ piece, begin, length }: BlockRequest) =>
      new Uint8Array(
        torrent.content.subarray(piece * pieceLength + begin, piece * pieceLength + begin + length),
      );
    return { content, block, bytesOf, torrent };
  }

  it("is a section of a long piece, for all blocks of it and no others", async () => {
    const { content, block, bytesOf } = await given(4 * MIB);
    await content.load(block(0, sectionBytes + 5 * blockBytes));
    const inside = [sectionBytes, sectionBytes + 5 * blockBytes, 2 * sectionBytes - blockBytes];
    for (const begin of inside) expect(content.cached(block(0, begin))).toEqual(bytesOf(block(0, begin)));
    const outside = [block(0, sectionBytes - blockBytes), block(0, 2 * sectionBytes), block(1, sectionBytes)];
    for (const other of outside) expect(content.cached(other)).toBeUndefined();
  });

  it("ends where the last piece does", async () => {
    const { content, block, bytesOf } = await given(4 * MIB);
    const last = block(1, MIB - blockBytes);
    await content.load(last);
    expect(content.cached(last)).toEqual(bytesOf(last));
  });

  it("is the block alone where that is in two sections", async () => {
    const { content, block, bytesOf } = await given(4 * MIB);
    const across = block(0, sectionBytes - 100);
    await content.load(across);
    expect(content.cached(across)).toEqual(bytesOf(across));
    expect(content.cached(block(0, 0))).toBeUndefined();
    expect(content.cached(block(0, sectionBytes))).toBeUndefined();
  });

  it("is a piece that was just written, unless it is longer than a section", async () => {
    for (const [pieceLength, isKept] of [
      [sectionBytes, true],
      [4 * MIB, false],
    ] as const) {
      const { content, block, bytesOf, torrent } = await given(pieceLength);
      expect(content.keep(0, new Uint8Array(pieceOf(torrent, 0)))).toBe(isKept);
      const first = block(0, 0);
      expect(content.cached(first)).toEqual(isKept ? bytesOf(first) : undefined);
    }
  });
});
