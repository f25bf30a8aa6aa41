import { mkdtemp, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isThere } from "@cachetorrent/files";
import { CtError } from "@cachetorrent/protocol";
import { errnoOf, storageError } from "./storage-error.ts";

/**
 * Rejects with the CtError of a directory that nothing can be written to, or that is not there and cannot be made. Of a full disk it says
 * nothing: there may be room later. Leaves nothing behind.
 */
export async function requireWritable(directory: string): Promise<void> {
  const path = resolve(directory);
  try {
    // Modes say too little: of root, of read-only disks, of file systems such as /proc.
    await tryBelow(path);
  } catch (error) {
    const fault = noneCanBeMade(path, error) ?? storageError(error, path, "cannot write there");
    if (fault.code !== "CT_ERR_NO_SPACE") throw fault;
  }
}

/** The CtError of a directory that cannot be made though the one above it is there, as only in /proc and the like; undefined for all else. */
export function noneCanBeMade(path: string, cause: unknown): CtError | undefined {
  if (errnoOf(cause) !== "ENOENT") return undefined;
  return new CtError("CT_ERR_STORAGE", `${path}: no directory can be made there`, { cause });
}

/** In the directory, or the nearest above it that is there. */
async function tryBelow(path: string): Promise<void> {
  try {
    await rmdir(await mkdtemp(join(path, ".cachetorrent-")));
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || (await isThere(path))) throw error;
    await tryBelow(dirname(path));
  }
}
