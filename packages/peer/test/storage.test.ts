import { appendFile, readdir, readFile, readlink, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { segmentsOf } from "../src/disk/segments.ts";
import { verifyOnDisk } from "../src/disk/verifier.ts";
import type { Metainfo } from "../src/metainfo/metainfo.ts";
import { openStorage, threePieces, writeAll } from "./support/storing.ts";
import {
  KIB,
  noise,
  pieceOf,
  SHARED_MEMORY,
  sha1,
  temporaryDirectory,
  torrentOf,
  treeOf,
} from "./support/torrents.ts";

const GIB = KIB ** 3;

describe("pieces and files", () => {
  it("a stretch of the torrent is cut at the files' borders, without gap or overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { minLength: 1 }), fc.nat(), fc.nat(), (lengths, from, to) => {
        let total = 0;
        const files = lengths.map((length, index) => {
          total += length;
          return { path: [`${index}`], length, offset: total - length, pad: false };
        });
        const [start, end] = [from % (total + 1), to % (total + 1)].sort((a, b) => a - b) as [number, number];
        let at = start;
        for (const segment of segmentsOf({ files, length: total }, start, end - start)) {
          const file = files[segment.file];
          expect(segment.length).toBeGreaterThan(0);
          expect(segment.at).toBe(at - start);
          expect((file?.offset ?? 0) + segment.fileOffset).toBe(at);
          expect(segment.fileOffset + segment.length).toBeLessThanOrEqual(file?.length ?? 0);
          at += segment.length;
        }
        expect(at).toBe(end);
      }),
    );
  });

  it("what is outside of the torrent is no stretch of it", () => {
    const files = [{ path: ["a"], length: 10, offset: 0, pad: false }];
    expect(() => segmentsOf({ files, length: 10 }, 5, 6)).toThrow(RangeError);
    expect(() => segmentsOf({ files, length: 10 }, -1, 2)).toThrow(RangeError);
  });
});

describe("writing", () => {
  it("opening makes nothing; a piece makes the files it touches, and no more", async () => {
    const directory = join(await temporaryDirectory(), "not", "there", "yet");
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await expect(stat(directory)).rejects.toThrow("ENOENT");
    await storage.writePiece(0, pieceOf(torrent, 0));
    expect(Object.keys(await treeOf(join(directory, "torrent")))).toEqual(["a"]);
    await storage.writePiece(2, pieceOf(torrent, 2));
    expect(Object.keys(await treeOf(join(directory, "torrent"))).sort()).toEqual(["a", "c", "sub/", "sub/b"]);
  });

  it("where no directory can be made it says so, and does not try forever", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, "/proc/not/there");
    await expect(storage.writePiece(0, pieceOf(torrent, 0))).rejects.toThrow(
      expect.objectContaining({
        code: "CT_ERR_STORAGE",
        message: "/proc/not: no directory can be made there",
      }),
    );
  });

  it("all pieces, in any order and at once, make the files; finishing makes the empty ones and leaves no record", async () => {
    const directory = await temporaryDirectory();
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await Promise.all([2, 0, 1].map((piece) => storage.writePiece(piece, pieceOf(torrent, piece))));
    await storage.finish();
    await storage.close();
    expect(await treeOf(directory)).toEqual({
      "torrent/": "",
      "torrent/sub/": "",
      "torrent/a": sha1(noise(20 * KIB, 1)).toString(),
      "torrent/sub/empty": sha1(new Uint8Array()).toString(),
      "torrent/sub/b": sha1(noise(20 * KIB, 2)).toString(),
      "torrent/c": sha1(noise(100, 3)).toString(),
    });
  });

  it("nothing is preallocated: the last piece of a file leaves a hole before it", async () => {
    const directory = await temporaryDirectory();
    const torrent = await torrentOf([{ path: ["a"], content: noise(4 * KIB * KIB) }], 64 * KIB);
    const storage = await openStorage(torrent.metainfo, directory);
    await storage.writePiece(63, pieceOf(torrent, 63));
    const { size, blocks } = await stat(join(directory, "torrent/a"));
    expect(size).toBe(4 * KIB * KIB);
    expect(blocks * 512).toBeLessThan(KIB * KIB);
  });

  it("padding is never on disk, and reads as zeros", async () => {
    const directory = await temporaryDirectory();
    const torrent = await torrentOf([
      { path: ["a"], content: noise(10 * KIB, 1) },
      { path: [".pad", "6144"], content: new Uint8Array(6 * KIB), attr: "p" },
      { path: ["b"], content: noise(10 * KIB, 2) },
    ]);
    const storage = await openStorage(torrent.metainfo, directory);
    await writeAll(torrent, storage);
    await storage.finish();
    expect(Object.keys(await treeOf(directory)).sort()).toEqual(["torrent/", "torrent/a", "torrent/b"]);
    expect(await storage.read(0, 9 * KIB, 7 * KIB)).toEqual(
      new Uint8Array(Buffer.concat([noise(10 * KIB, 1).subarray(9 * KIB), new Uint8Array(6 * KIB)])),
    );
    expect((await verifyOnDisk(torrent.metainfo, storage)).isFull).toBe(true);
  });

  it("hundreds of files keep 64 open at most", async () => {
    const directory = await temporaryDirectory();
    const files = Array.from({ length: 300 }, (_, n) => ({ path: [`${n}`], content: noise(100, n) }));
    const torrent = await torrentOf(files);
    const storage = await openStorage(torrent.metainfo, directory);
    await writeAll(torrent, storage);
    for (let at = 0; at < 300; at++)
      await storage.read(Math.floor((at * 100) / 16384), (at * 100) % 16384, 50);
    const descriptors = await readdir("/proc/self/fd");
    const targets = await Promise.all(
      descriptors.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    const open = targets.filter((target) => target.startsWith(join(directory, "torrent")));
    expect(open).toHaveLength(64);
    expect((await verifyOnDisk(torrent.metainfo, storage)).isFull).toBe(true);
  });

  it("offsets beyond 2^32 land where they belong, and the holes before them are pieces of zeros", {
    timeout: 120_000,
  }, async () => {
    const directory = await temporaryDirectory(SHARED_MEMORY);
    const pieceLength = KIB * KIB;
    const pieceCount = 4106;
    const data = new Map(Array.from({ length: 20 }, (_, n) => [4086 + n, noise(pieceLength, n)]));
    const zeros = sha1(new Uint8Array(pieceLength));
    const { metainfo: small } = await threePieces();
    const length = pieceCount * pieceLength;
    const metainfo: Metainfo = {
      ...small,
      length,
      pieceLength,
      pieceCount,
      hashes: Buffer.concat(
        Array.from({ length: pieceCount }, (_, piece) => {
          const bytes = data.get(piece);
          return bytes ? sha1(bytes) : zeros;
        }),
      ),
      files: [{ path: ["big"], length, offset: 0, pad: false }],
    };
    const storage = await openStorage(metainfo, directory);
    for (const [piece, bytes] of data) await storage.writePiece(piece, bytes);
    await storage.finish();
    expect((await verifyOnDisk(metainfo, storage)).isFull).toBe(true);
    expect(length).toBeGreaterThan(4 * GIB);
    expect(Buffer.compare(await storage.read(4096, 5, 1000), noise(pieceLength, 10).subarray(5, 1005))).toBe(
      0,
    );
    const { blocks } = await stat(join(directory, "big"));
    expect(blocks * 512).toBeLessThan(30 * pieceLength);
  });
});

describe("reading", () => {
  it("gives exactly the bytes asked for, over file borders", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    await writeAll(torrent, storage);
    await fc.assert(
      fc.asyncProperty(fc.nat(2), fc.nat(16 * KIB), fc.nat(16 * KIB), async (piece, from, length) => {
        const whole = pieceOf(torrent, piece);
        const begin = Math.min(from, whole.length);
        const wanted = whole.subarray(begin, begin + length);
        expect(Buffer.compare(await storage.read(piece, begin, wanted.length), wanted)).toBe(0);
      }),
    );
    await expect(storage.read(2, 0, 16 * KIB)).rejects.toThrow(RangeError);
    await expect(storage.read(3, 0, 1)).rejects.toThrow(RangeError);
  });

  it("a file that was cut short while it was in use is an error that names it", async () => {
    const directory = await temporaryDirectory();
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await writeAll(torrent, storage);
    await truncate(join(directory, "torrent/a"), 100);
    await expect(storage.read(0, 0, 200)).rejects.toMatchObject({
      code: "CT_ERR_STORAGE",
      message: expect.stringContaining(join(directory, "torrent/a")),
    });
  });
});

describe("the end", () => {
  it("finishing says which file is not whole", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    await storage.writePiece(0, pieceOf(torrent, 0));
    await expect(storage.finish()).rejects.toThrow(/torrent\/(a|sub\/b|c): is missing or shorter/);
  });

  it("closing twice is closing once; afterwards nothing is read or written", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    const writing = writeAll(torrent, storage).catch((error: unknown) => error);
    await Promise.all([storage.close(), storage.close()]);
    await storage.close();
    await writing;
    await expect(storage.read(0, 0, 1)).rejects.toMatchObject({ code: "CT_ERR_STORAGE" });
    await expect(storage.writePiece(0, pieceOf(torrent, 0))).rejects.toMatchObject({
      code: "CT_ERR_STORAGE",
    });
  });

  it("closing lets a write under way end", async () => {
    const directory = await temporaryDirectory();
    const torrent = await torrentOf([{ path: ["a"], content: noise(KIB * KIB) }], KIB * KIB);
    const storage = await openStorage(torrent.metainfo, directory);
    const writing = storage.writePiece(0, pieceOf(torrent, 0));
    await storage.close();
    await writing;
    expect(sha1(await readFile(join(directory, "torrent/a")))).toEqual(sha1(noise(KIB * KIB)));
  });

  it("a second download takes up the record, torn as a kill may leave it", async () => {
    const directory = await temporaryDirectory();
    const torrent = await threePieces();
    const { metainfo } = torrent;
    const first = await openStorage(metainfo, directory);
    await first.writePiece(0, pieceOf(torrent, 0));
    await first.close();
    await appendFile(join(directory, `.${metainfo.infoHash}.cachetorrent`), '\n"torrent/su');
    const second = await openStorage(metainfo, directory);
    await second.writePiece(2, pieceOf(torrent, 2));
    await second.close();
    const third = await openStorage(metainfo, directory);
    expect(metainfo.files.filter((file) => third.hasBegun(file)).map((file) => file.path.at(-1))).toEqual([
      "a",
      "b",
      "c",
    ]);
  });
});
