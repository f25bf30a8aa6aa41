import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { describe, expect, it, onTestFinished } from "vitest";
import { Content } from "../src/disk/content.ts";
import { PieceCache } from "../src/disk/piece-cache.ts";
import { type FilePriority, Selection } from "../src/selection/selection.ts";
import { silent } from "./support/samples.ts";
import { openStorage } from "./support/storing.ts";
import { writeContent } from "./support/test-peer.ts";
import { fillUp, tinyFileSystem } from "./support/tiny-file-system.ts";
import { type GivenTorrent, KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const PIECE = 16 * KIB;
const [A, B, C, D] = [0, 1, 2, 3];

/** Of pieces 0 to 4: a has 0 and a part of 1, which it shares with b and c; c goes on to 3, which d begins in. */
const fourFiles = () =>
  torrentOf([
    { path: ["a"], content: noise(PIECE + 100, 1) },
    { path: ["b"], content: noise(200, 2) },
    { path: ["c"], content: noise(2 * PIECE, 3) },
    { path: ["sub", "d"], content: noise(PIECE, 4) },
  ]);

const skipping = (...files: number[]) => new Map<number, FilePriority>(files.map((file) => [file, "skip"]));

const partsFor = ({ metainfo }: GivenTorrent, dir: string) => ({
  metainfo,
  dir,
  cache: new PieceCache(0),
  clock: systemClock,
  log: silent,
});

async function contentOf(
  torrent: GivenTorrent,
  dir: string,
  skipped: Map<number, FilePriority> = new Map(),
  stateDir?: string,
) {
  const selection = new Selection(torrent.metainfo, skipped);
  const content = new Content({ ...partsFor(torrent, dir), stateDir, selection });
  onTestFinished(() => content.close());
  await content.open();
  const store = async (...pieces: number[]) => {
    for (const piece of pieces) {
      await content.store(piece, pieceOf(torrent, piece));
      content.have.add(piece);
    }
  };
  const select = (skipped: Map<number, FilePriority>) =>
    content.select(new Selection(torrent.metainfo, skipped));
  return { content, select, store };
}

const wholePiece = (torrent: GivenTorrent, piece: number) => ({
  piece,
  begin: 0,
  length: pieceOf(torrent, piece).length,
});

/** What the files of the torrent's folder hold. */
async function onDisk(dir: string): Promise<string[]> {
  const names = await readdir(join(dir, "torrent"), { recursive: true });
  return names.filter((name) => name !== "sub").sort();
}

async function isWhole({ content, metainfo }: GivenTorrent, dir: string, file: number): Promise<boolean> {
  const { length = 0, offset = 0, path = [] } = metainfo.files[file] ?? {};
  return (await readFile(join(dir, ...path))).equals(content.subarray(offset, offset + length));
}

const partsOf = ({ metainfo }: GivenTorrent, dir: string) =>
  join(dir, `.${metainfo.infoHash}.parts.cachetorrent`);

describe("files that are skipped", () => {
  it("are not made; what comes of them in shared pieces is kept, and found again", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const first = await contentOf(torrent, dir, skipping(B, C));
    await first.store(0, 1, 3, 4);
    await first.content.finish();
    await first.content.close();
    expect(await onDisk(dir)).toEqual(["a", "sub/d"]);
    expect(await isWhole(torrent, dir, A)).toBe(true);
    expect(await isWhole(torrent, dir, D)).toBe(true);
    // Holes where it has nothing: at most as much as two pieces.
    expect((await stat(partsOf(torrent, dir))).blocks * 512).toBeLessThanOrEqual(2 * PIECE + 8 * KIB);

    const { content } = await contentOf(torrent, dir, skipping(B, C));
    expect([...content.have]).toEqual([0, 1, 3, 4]);
    for (const piece of content.have) {
      await content.load(wholePiece(torrent, piece));
      expect(content.cached(wholePiece(torrent, piece))).toEqual(new Uint8Array(pieceOf(torrent, piece)));
    }
  });

  it("get what was kept of them when they are wanted, while it runs", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const { content, select, store } = await contentOf(torrent, dir, skipping(B, C));
    await store(0, 1, 3, 4);
    await select(skipping(C));
    expect(await isWhole(torrent, dir, B)).toBe(true);
    expect(await onDisk(dir)).toEqual(["a", "b", "sub/d"]);
    await select(skipping());
    await store(2);
    await content.finish();
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file)).toBe(true);
    await expect(stat(partsOf(torrent, dir))).rejects.toThrow("ENOENT");
  });

  it("get it when they are wanted at the next start", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const first = await contentOf(torrent, dir, skipping(B, C));
    await first.store(0, 1, 3, 4);
    await first.content.close();
    const { content, store } = await contentOf(torrent, dir);
    expect([...content.have]).toEqual([0, 1, 3, 4]);
    await store(2);
    await content.finish();
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file)).toBe(true);
  });

  it("are found again start after start with a saved state, and not when what was kept of them is gone", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const stateDir = await temporaryDirectory();
    const open = async () => {
      const { content, ...rest } = await contentOf(torrent, dir, skipping(B, C), stateDir);
      return { content, ...rest, have: [...content.have] };
    };
    const first = await open();
    await first.store(0, 1, 3, 4);
    await first.content.close();
    for (let start = 0; start < 3; start++) {
      const again = await open();
      expect(again.have).toEqual([0, 1, 3, 4]);
      await again.content.close();
    }
    await rm(partsOf(torrent, dir));
    const without = await open();
    expect(without.have).toEqual([0, 4]);
    await without.store(1, 3);
    await without.content.close();
    expect((await open()).have).toEqual([0, 1, 3, 4]);
  });

  it("are remembered as they are once they are wanted and whole", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const stateDir = await temporaryDirectory();
    const { content, select, store } = await contentOf(torrent, dir, skipping(C), stateDir);
    await store(0, 1, 3, 4);
    await content.saved();
    await select(skipping());
    await store(2);
    await content.finish();
    await content.close();
    const again = await contentOf(torrent, dir, skipping(), stateDir);
    expect([...again.content.have]).toEqual([0, 1, 2, 3, 4]);
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file)).toBe(true);
  });

  it("lose nothing when pieces are written while the selection changes", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const { content, select, store } = await contentOf(torrent, dir, skipping(B, C));
    await Promise.all([
      store(1),
      select(skipping()),
      store(0, 3),
      select(skipping(B)),
      store(4),
      select(skipping()),
    ]);
    await store(2);
    await content.finish();
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file)).toBe(true);
  });

  it("are left as they are when they are somebody's own, until they are wanted", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const first = await contentOf(torrent, dir, skipping(B));
    await first.store(0);
    await first.content.close();
    await writeFile(join(dir, "torrent", "b"), "mine, and longer than nothing");
    const { content, select, store } = await contentOf(torrent, dir, skipping(B));
    await store(1, 2, 3, 4);
    await content.finish();
    expect(await readFile(join(dir, "torrent", "b"), "utf8")).toBe("mine, and longer than nothing");
    await expect(select(skipping())).rejects.toMatchObject({ code: "CT_ERR_FILE_IN_THE_WAY" });
    await content.load(wholePiece(torrent, 1));
    expect(content.cached(wholePiece(torrent, 1))).toEqual(new Uint8Array(pieceOf(torrent, 1)));
  });

  it("that are longer than the torrent's, or no files, are in nobody's way", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    const first = await contentOf(torrent, dir, skipping(B));
    await first.store(0);
    await first.content.close();
    await writeFile(join(dir, "torrent", "b"), noise(5000));
    const { content, store } = await contentOf(torrent, dir, skipping(B));
    await store(1, 2, 3, 4);
    await content.finish();
    expect((await stat(join(dir, "torrent", "b"))).size).toBe(5000);
  });

  it("that are there already are kept, and shared", async () => {
    const torrent = await fourFiles();
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    const { content } = await contentOf(torrent, dir, skipping(B, C));
    expect(content.have.isFull).toBe(true);
    expect(await onDisk(dir)).toEqual(["a", "b", "c", "sub/d"]);
  });
});

describe("on a disk that is full", () => {
  it("what was kept aside stays readable until all of it is in its place, and then the files are whole", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const torrent = await fourFiles();
    const storage = await openStorage(torrent.metainfo, dir, new Selection(torrent.metainfo, skipping(B, C)));
    for (const piece of [0, 1, 3, 4]) await storage.writePiece(piece, pieceOf(torrent, piece));
    const makeRoom = await fillUp(dir);
    const all = new Selection(torrent.metainfo);
    await expect(storage.select(all)).rejects.toMatchObject({ code: "CT_ERR_NO_SPACE" });
    for (const piece of [1, 3]) {
      const { length } = pieceOf(torrent, piece);
      expect(
        Buffer.from(await storage.read(piece, 0, length)).equals(pieceOf(torrent, piece)),
        `piece ${piece}`,
      ).toBe(true);
    }
    await makeRoom();
    await storage.select(all);
    await storage.writePiece(2, pieceOf(torrent, 2));
    await storage.finish();
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file), `file ${file}`).toBe(true);
  });

  it("a choice of files is taken at once, and what is kept of them brought to its place when there is room", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const torrent = await fourFiles();
    const { content, select, store } = await contentOf(torrent, dir, skipping(B, C));
    await store(0, 1, 3, 4);
    let makeRoom = await fillUp(dir);
    await select(skipping(C));
    expect(content.selection.isSkipped(B)).toBe(false);
    expect(content.isPlaced).toBe(false);
    expect(content.lack).toMatch(/no space is left on the disk/);
    await makeRoom();
    await content.placed();
    expect(await isWhole(torrent, dir, B)).toBe(true);
    await content.close();

    makeRoom = await fillUp(dir);
    const { content: next, store: storeNext } = await contentOf(torrent, dir);
    expect([...next.have]).toEqual([0, 1, 3, 4]);
    expect(next.isPlaced).toBe(false);
    await makeRoom();
    await next.placed();
    await until("there is room again", () => next.lack === undefined);
    await storeNext(2);
    await next.finish();
    for (const file of [A, B, C, D]) expect(await isWhole(torrent, dir, file), `file ${file}`).toBe(true);
  });

  it("a choice that needs no room does not wait for any, and is complete", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const torrent = await fourFiles();
    const { content, select, store } = await contentOf(torrent, dir, skipping(B, C));
    await store(0, 1, 3, 4);
    await fillUp(dir);
    await select(skipping(C));
    expect(content.isPlaced).toBe(false);
    await select(skipping(B, C));
    expect(content.isPlaced).toBe(true);
    await content.finish();
    for (const file of [A, D]) expect(await isWhole(torrent, dir, file), `file ${file}`).toBe(true);
    for (const piece of [1, 3]) {
      await content.load(wholePiece(torrent, piece));
      expect(content.cached(wholePiece(torrent, piece)), `piece ${piece}`).toEqual(
        new Uint8Array(pieceOf(torrent, piece)),
      );
    }
  });

  it("a choice of a file in whose place something else is, is refused all the same", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const torrent = await fourFiles();
    await mkdir(join(dir, "torrent"));
    await writeFile(join(dir, "torrent", "b"), "somebody's own");
    const { content, select, store } = await contentOf(torrent, dir, skipping(B, C));
    await store(0, 1, 3, 4);
    await fillUp(dir);
    await select(skipping(B));
    expect(content.isPlaced).toBe(false);
    await expect(select(skipping())).rejects.toMatchObject({ code: "CT_ERR_FILE_IN_THE_WAY" });
    expect(content.selection.isSkipped(B)).toBe(true);
    expect(content.isPlaced).toBe(false);
  });
});
