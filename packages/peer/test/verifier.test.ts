import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { FileStorage } from "../src/disk/file-storage.ts";
import { refuseForeignFiles } from "../src/disk/foreign-files.ts";
import { isPieceValid, verifyOnDisk } from "../src/disk/verifier.ts";
import { loadMetainfo } from "../src/metainfo/metainfo.ts";
import {
  FIXTURES,
  type GivenTorrent,
  KIB,
  noise,
  pieceOf,
  temporaryDirectory,
  torrentOf,
} from "./support/torrents.ts";

/** a: pieces 0 to 2 in part; b: 2 in part to 5 in part; c and d share piece 5 with it. */
const sixPieces = () =>
  torrentOf([
    { path: ["a"], content: noise(40 * KIB, 1) },
    { path: ["b"], content: noise(50 * KIB, 2) },
    { path: ["c"], content: noise(100, 3) },
    { path: ["d"], content: noise(100, 4) },
  ]);

async function onDisk(torrent: GivenTorrent, pieces: Iterable<number> = allPieces(torrent)) {
  const directory = await temporaryDirectory();
  const storage = await FileStorage.open(torrent.metainfo, directory);
  onTestFinished(() => storage.close());
  for (const piece of pieces) await storage.writePiece(piece, pieceOf(torrent, piece));
  return { directory, storage, at: (name: string) => join(directory, "torrent", name) };
}

function allPieces(torrent: GivenTorrent): number[] {
  return Array.from({ length: torrent.metainfo.pieceCount }, (_, piece) => piece);
}

async function spoil(path: string, at: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  await writeFile(path, bytes);
}

describe("a piece", () => {
  it("is valid with its own bytes only", async () => {
    const torrent = await sixPieces();
    const piece = Uint8Array.from(pieceOf(torrent, 1));
    expect(isPieceValid(torrent.metainfo, 1, piece)).toBe(true);
    expect(isPieceValid(torrent.metainfo, 2, piece)).toBe(false);
    expect(isPieceValid(torrent.metainfo, 1, piece.subarray(1))).toBe(false);
    piece[0] = (piece[0] ?? 0) ^ 1;
    expect(isPieceValid(torrent.metainfo, 1, piece)).toBe(false);
  });

  it("may be all zeros, and may not be where it should not", async () => {
    const torrent = await torrentOf([
      { path: ["a"], content: new Uint8Array(32 * KIB) },
      { path: ["b"], content: noise(16 * KIB) },
    ]);
    const { storage, at } = await onDisk(torrent);
    await writeFile(at("b"), new Uint8Array(16 * KIB));
    expect([...(await verifyOnDisk(torrent.metainfo, storage))]).toEqual([0, 1]);
  });
});

describe("what is on disk", () => {
  it.each(["alice", "numbers", "folder", "lots-of-numbers", "leaves"])("%s verifies", async (name) => {
    const metainfo = await loadMetainfo(join(FIXTURES, `${name}.torrent`));
    const storage = await FileStorage.open(metainfo, FIXTURES);
    onTestFinished(() => storage.close());
    const verified = await verifyOnDisk(metainfo, storage);
    expect(verified.isFull).toBe(true);
    await refuseForeignFiles(metainfo, storage, verified);
  });

  it("any pieces that were written are found again, and no others", async () => {
    const torrent = await sixPieces();
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(5)), async (pieces) => {
        const { storage } = await onDisk(torrent, pieces);
        const verified = await verifyOnDisk(torrent.metainfo, storage);
        expect([...verified]).toEqual(pieces.sort());
        await refuseForeignFiles(torrent.metainfo, storage, verified);
      }),
      { numRuns: 40 },
    );
  });

  it("one spoilt bit costs one piece", async () => {
    const torrent = await sixPieces();
    const { storage, at } = await onDisk(torrent);
    await spoil(at("b"), 10 * KIB);
    expect([...(await verifyOnDisk(torrent.metainfo, storage))]).toEqual([0, 1, 2, 4, 5]);
  });

  it("a missing or short file costs the pieces that reach into what is missing", async () => {
    const torrent = await sixPieces();
    const { storage, at } = await onDisk(torrent);
    await rm(at("a"));
    await truncate(at("c"), 99);
    expect([...(await verifyOnDisk(torrent.metainfo, storage))]).toEqual([3, 4]);
  });

  it("progress ends with all pieces checked, and never goes back", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(9 * KIB * KIB) }], 64 * KIB);
    const { storage } = await onDisk(torrent);
    const seen: number[] = [];
    await verifyOnDisk(torrent.metainfo, storage, {
      onProgress: (checked, valid) => {
        expect(valid).toBe(checked);
        seen.push(checked);
      },
    });
    expect(seen).toEqual([16, 32, 48, 64, 80, 96, 112, 128, 144, 144]);
  });

  it("an aborted check rejects with the reason", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(9 * KIB * KIB) }], 64 * KIB);
    const { storage } = await onDisk(torrent);
    const abort = new AbortController();
    const checking = verifyOnDisk(torrent.metainfo, storage, {
      signal: abort.signal,
      onProgress: () => abort.abort(new Error("enough")),
    });
    await expect(checking).rejects.toThrow("enough");
  });
});

describe("somebody's own file under a torrent's name", () => {
  async function refusal(torrent: GivenTorrent, storage: FileStorage): Promise<unknown> {
    const verified = await verifyOnDisk(torrent.metainfo, storage);
    return refuseForeignFiles(torrent.metainfo, storage, verified).then(
      () => "accepted",
      (error: unknown) => error,
    );
  }

  it.each([
    ["a", noise(40 * KIB, 9)],
    ["a", Buffer.from("a few words")],
    ["d", Buffer.from("a few words")],
    ["b", Buffer.concat([new Uint8Array(49 * KIB), noise(1)])],
  ])("%s is refused by name, and stays as it is", async (name, content) => {
    const torrent = await sixPieces();
    const { storage, at, directory } = await onDisk(torrent, []);
    await mkdir(join(directory, "torrent"));
    await writeFile(at(name), content);
    expect(await refusal(torrent, storage)).toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: expect.stringContaining(at(name)),
    });
    expect(Buffer.compare(await readFile(at(name)), content)).toBe(0);
  });

  it("a file of zeros, an empty one, and one with a single valid piece are no such file", async () => {
    const torrent = await sixPieces();
    const { storage, at, directory } = await onDisk(torrent, []);
    await mkdir(join(directory, "torrent"));
    const a = Buffer.from(noise(40 * KIB, 9));
    a.set(pieceOf(torrent, 1), 16 * KIB);
    await writeFile(at("a"), a);
    await writeFile(at("b"), new Uint8Array(50 * KIB));
    await writeFile(at("c"), "");
    expect(await refusal(torrent, storage)).toBe("accepted");
  });

  it("a first piece of ours that a kill tore is no such file", async () => {
    const torrent = await sixPieces();
    const { storage, at, directory } = await onDisk(torrent, [0]);
    await truncate(at("a"), 10 * KIB); // as a write that was not all done
    await storage.close(); // without finish: the process was killed
    const restarted = await FileStorage.open(torrent.metainfo, directory);
    onTestFinished(() => restarted.close());
    expect(await refusal(torrent, restarted)).toBe("accepted");
  });

  it("after the torrent was complete, a file that was put in place of a part is one again", async () => {
    const torrent = await sixPieces();
    const { storage, at } = await onDisk(torrent);
    await storage.finish();
    expect(await refusal(torrent, storage)).toBe("accepted");
    await writeFile(at("a"), "my own notes");
    expect(await refusal(torrent, storage)).toMatchObject({ code: "CT_ERR_FILE_IN_THE_WAY" });
  });
});
