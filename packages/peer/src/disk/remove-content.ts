import { lstat, rm, rmdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { InfoHash, PieceSet } from "@cachetorrent/protocol";
import { type Metainfo, pieceSize, type TorrentFile } from "../metainfo/metainfo.ts";
import { piecesOfFile } from "../metainfo/pieces-of-file.ts";
import { keptTorrentName, partsName, recordName } from "../metainfo/torrent-paths.ts";
import { Selection } from "../selection/selection.ts";
import { DownloadDirectory } from "./download-directory.ts";
import { FileStorage } from "./file-storage.ts";
import { realPathOf } from "./real-path.ts";
import { errnoOf, storageError } from "./storage-error.ts";
import { isPieceValid, verifyOnDisk } from "./verifier.ts";

export interface RemovedContent {
  readonly dir: string;
  readonly infoHash: InfoHash;
  /** Undefined for a magnet link whose metadata never came: then only our records are there. */
  readonly metainfo: Metainfo | undefined;
  /** What was verified last; undefined where nothing was, and everything is read. */
  readonly have: PieceSet | undefined;
  /** Does another torrent have this file, which is told by its real path? */
  isInUse(real: string): Promise<boolean>;
}

/**
 * Deletes what a torrent brought to the disk: its files, our records of it, and the folders that are empty then. A file is the torrent's own
 * if a download of ours began it, or if it holds a valid piece now; whatever else is in a file's place is somebody's, and stays, as does
 * what is longer than the torrent has it. Resolves with the paths of what stayed.
 */
export async function removeContent(removed: RemovedContent): Promise<string[]> {
  const directory = new DownloadDirectory(removed.dir);
  const { infoHash, metainfo } = removed;
  const kept = metainfo ? await removeFiles(metainfo, directory, removed) : [];
  for (const name of [recordName(infoHash), partsName(infoHash), keptTorrentName(infoHash)]) {
    await remove(directory.join([name]));
  }
  return kept;
}

async function removeFiles(
  metainfo: Metainfo,
  directory: DownloadDirectory,
  { dir, have, isInUse }: RemovedContent,
): Promise<string[]> {
  const { own, foreign } = await sorted(metainfo, dir, have);
  const kept: string[] = [];
  for (const file of foreign) {
    const path = directory.join(file.path);
    if (await isThere(path)) kept.push(path);
  }
  const ours: string[] = [];
  for (const file of own) {
    const path = directory.join(file.path);
    ((await isInUse(await realPathOf(path))) ? kept : ours).push(path);
  }
  for (const path of ours) await remove(path);
  const folders = new Set(
    metainfo.files.flatMap(({ path }) =>
      path.slice(0, -1).map((_, i) => directory.join(path.slice(0, i + 1))),
    ),
  );
  // The longest first: what is inside goes before what it is in.
  for (const folder of [...folders].sort((a, b) => b.length - a.length)) await removeIfEmpty(folder);
  return kept;
}

/** All is looked at before anything is deleted: a piece may lie in several files. */
async function sorted(
  metainfo: Metainfo,
  dir: string,
  known: PieceSet | undefined,
): Promise<{ readonly own: TorrentFile[]; readonly foreign: TorrentFile[] }> {
  const own: TorrentFile[] = [];
  const foreign: TorrentFile[] = [];
  // Where files are skipped a directory, a link or a longer file in their place is nobody's concern, and is left alone.
  const nothing = new Selection(metainfo, new Map(metainfo.files.map((_, index) => [index, "skip"])));
  const storage = await FileStorage.open(metainfo, dir, { selection: nothing });
  try {
    const sizes = await storage.survey();
    const have = known ?? (await verifyOnDisk(metainfo, storage));
    for (const [index, file] of metainfo.files.entries()) {
      if (file.pad) continue;
      // What is no file of the torrent's size is not looked into: a link, a folder, a longer file.
      const isFile = (sizes[index] ?? 0) >= 0;
      (isFile && (await isOurs(metainfo, storage, file, have)) ? own : foreign).push(file);
    }
    return { own, foreign };
  } finally {
    await storage.close();
  }
}

/** The pieces were valid once: they are read until one is, for the file may have been replaced since. */
async function isOurs(
  metainfo: Metainfo,
  storage: FileStorage,
  file: TorrentFile,
  have: PieceSet,
): Promise<boolean> {
  if (file.length === 0 || storage.hasBegun(file)) return true;
  for (const piece of piecesOfFile(metainfo, file)) {
    if (!have.has(piece) || !storage.isOnDisk(piece)) continue;
    // Not the last word where it is wrong: its other part may lie in a file that was replaced.
    if (isPieceValid(metainfo, piece, await storage.read(piece, 0, pieceSize(metainfo, piece)))) return true;
  }
  return false;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return false;
    throw storageError(error, path, "cannot look at the file");
  }
}

async function remove(path: string): Promise<void> {
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw storageError(error, path, "cannot delete the file");
  }
}

async function removeIfEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return;
    throw storageError(error, dirname(folder), "cannot delete the folder");
  }
}
