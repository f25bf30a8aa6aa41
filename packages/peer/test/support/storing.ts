import { onTestFinished } from "vitest";
import { DirectIo } from "../../src/disk/direct-io.ts";
import { FileStorage } from "../../src/disk/file-storage.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { Selection } from "../../src/selection/selection.ts";
import { type GivenTorrent, KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./torrents.ts";

/** Three pieces: a crosses into b, b into c, and there is an empty file. */
export const threePieces = () =>
  torrentOf([
    { path: ["a"], content: noise(20 * KIB, 1) },
    { path: ["sub", "empty"], content: new Uint8Array() },
    { path: ["sub", "b"], content: noise(20 * KIB, 2) },
    { path: ["c"], content: noise(100, 3) },
  ]);

export async function writeAll(torrent: GivenTorrent, storage: FileStorage): Promise<void> {
  for (let piece = 0; piece < torrent.metainfo.pieceCount; piece++) {
    await storage.writePiece(piece, pieceOf(torrent, piece));
  }
}

/** No disk is slow, however long the machine takes. */
export async function openStorage(
  metainfo: Metainfo,
  directory: string,
  selection = new Selection(metainfo),
): Promise<FileStorage> {
  const storage = await FileStorage.open(metainfo, directory, { selection, io: new DirectIo(() => 0) });
  onTestFinished(() => storage.close());
  return storage;
}

/** Three pieces, and their files in a folder. */
export async function written() {
  const torrent = await threePieces();
  const directory = await temporaryDirectory();
  const storage = await openStorage(torrent.metainfo, directory);
  await writeAll(torrent, storage);
  return { directory, storage, torrent };
}
