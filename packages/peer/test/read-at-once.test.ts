import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openStorage, threePieces, written } from "./support/storing.ts";
import { pieceOf, temporaryDirectory } from "./support/torrents.ts";

describe("a piece that was written lately is read without waiting", () => {
  it("whole and in part, across files", async () => {
    const { storage, torrent } = await written();
    for (let piece = 0; piece < torrent.metainfo.pieceCount; piece++) {
      const bytes = new Uint8Array(pieceOf(torrent, piece));
      expect(storage.isAtHand(piece)).toBe(true);
      expect(storage.readAtOnce(piece, 0, bytes.length)).toEqual(bytes);
      expect(storage.readAtOnce(piece, 10, 90)).toEqual(bytes.subarray(10, 100));
    }
  });

  it("and says so where it ends before the piece does", async () => {
    const { storage, torrent } = await written();
    expect(() => storage.readAtOnce(2, 0, pieceOf(torrent, 2).length + 1)).toThrow(RangeError);
  });
});

describe("others take time", () => {
  it("those that were there before", async () => {
    const { directory, torrent } = await written();
    const storage = await openStorage(torrent.metainfo, directory);
    const bytes = new Uint8Array(pieceOf(torrent, 0));
    expect(storage.isAtHand(0)).toBe(false);
    expect(storage.readAtOnce(0, 0, bytes.length)).toBeUndefined();
    expect(await storage.read(0, 0, bytes.length)).toEqual(bytes);
    expect(storage.readAtOnce(0, 0, bytes.length)).toBeUndefined();
  });

  it("also where the disk may be asked, if their file is not open yet", async () => {
    const { directory, torrent } = await written();
    const storage = await openStorage(torrent.metainfo, directory);
    const bytes = new Uint8Array(pieceOf(torrent, 0));
    expect(storage.isAtHand(0, true)).toBe(false);
    expect(storage.readAtOnce(0, 0, bytes.length, true)).toBeUndefined();
    await storage.read(0, 0, bytes.length);
    expect(storage.isAtHand(0, true)).toBe(true);
    expect(storage.readAtOnce(0, 0, bytes.length, true)).toEqual(bytes);
  });

  it("those that are on their way", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    const writing = storage.writePiece(1, pieceOf(torrent, 1));
    expect(storage.isAtHand(1)).toBe(false);
    await writing;
    expect(storage.isAtHand(1)).toBe(true);
  });

  it("those of which the file is shorter by now, which is told to who waits", async () => {
    const { directory, storage, torrent } = await written();
    await truncate(join(directory, torrent.metainfo.name, "a"), 5);
    const { length } = pieceOf(torrent, 0);
    expect(storage.readAtOnce(0, 0, length)).toBeUndefined();
    await expect(storage.read(0, 0, length)).rejects.toMatchObject({ code: "CT_ERR_STORAGE" });
  });

  it("all, once the storage is closed", async () => {
    const { storage } = await written();
    await storage.close();
    expect(storage.readAtOnce(0, 0, 5)).toBeUndefined();
  });
});
