import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DirectIo } from "../src/disk/direct-io.ts";
import { FileStorage } from "../src/disk/file-storage.ts";
import { Selection } from "../src/selection/selection.ts";
import { openStorage, threePieces, writeAll, written } from "./support/storing.ts";
import { KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";

const NOTHING = (bytes: Uint8Array) => new Uint8Array(bytes.length);

describe("a piece is written without waiting", () => {
  it("once its files are open, across them", async () => {
    const { directory, storage, torrent } = await written();
    const other = NOTHING(pieceOf(torrent, 1));
    expect(storage.writeAtOnce(1, other)).toBe(true);
    expect(storage.readAtOnce(1, 0, other.length)).toEqual(other);
    expect(await storage.read(1, 0, other.length)).toEqual(other);
    const a = await readFile(join(directory, torrent.metainfo.name, "a"));
    expect(a.subarray(16 * KIB).equals(Buffer.alloc(4 * KIB))).toBe(true);
  });

  it("and flushed with its files as any other is", async () => {
    const { storage, torrent } = await written();
    await storage.finish();
    await storage.flush(0);
    // A file that has nothing to be flushed is not looked at; one that has cannot be, once the storage is closed.
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(true);
    await storage.close();
    await expect(storage.flush(0)).rejects.toMatchObject({ code: "CT_ERR_STORAGE" });
    await storage.flush(3);
  });
});

describe("it is left to who waits", () => {
  it("where its files are not open", async () => {
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
    await storage.writePiece(0, pieceOf(torrent, 0));
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(true);
    expect(storage.writeAtOnce(1, pieceOf(torrent, 1))).toBe(false);
    expect(storage.isAtHand(1)).toBe(false);
  });

  it("where they were opened to be read", async () => {
    const { directory, torrent } = await written();
    const again = await openStorage(torrent.metainfo, directory);
    await again.read(0, 0, 5);
    expect(again.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
    await again.writePiece(0, pieceOf(torrent, 0));
    expect(again.writeAtOnce(0, pieceOf(torrent, 0))).toBe(true);
  });

  it("where a part of it is in a file that is skipped", async () => {
    const torrent = await threePieces();
    const selection = new Selection(torrent.metainfo, new Map([[2, "skip"]]));
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory(), selection);
    for (const piece of [0, 1]) await storage.writePiece(piece, pieceOf(torrent, piece));
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(true);
    expect(storage.writeAtOnce(1, pieceOf(torrent, 1))).toBe(false);
  });

  it("while files are brought to their place", async () => {
    const { storage, torrent } = await written();
    const moved = storage.select(new Selection(torrent.metainfo));
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
    await moved;
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(true);
  });

  it("where it is longer than others should wait for", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(3 * 1024 * KIB, 1) }], 2 * 1024 * KIB);
    const storage = await openStorage(torrent.metainfo, await temporaryDirectory());
    await writeAll(torrent, storage);
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
    expect(storage.writeAtOnce(1, pieceOf(torrent, 1))).toBe(true);
  });

  it("on a disk that is slow", async () => {
    let now = 0;
    let callMs = 0;
    const io = new DirectIo(() => {
      now += callMs;
      return now;
    });
    const torrent = await threePieces();
    const storage = await FileStorage.open(torrent.metainfo, await temporaryDirectory(), { io });
    onTestFinished(() => storage.close());
    await writeAll(torrent, storage);
    callMs = 60;
    const other = NOTHING(pieceOf(torrent, 0));
    expect(storage.writeAtOnce(0, other)).toBe(true);
    callMs = 0;
    expect(storage.writeAtOnce(0, other)).toBe(false);
    now += 1000;
    expect(storage.writeAtOnce(0, other)).toBe(true);
  });

  it("once the storage is closed, or its folder gone", async () => {
    const { directory, storage, torrent } = await written();
    await storage.close();
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
    await rm(directory, { recursive: true });
    expect(storage.writeAtOnce(0, pieceOf(torrent, 0))).toBe(false);
  });
});
