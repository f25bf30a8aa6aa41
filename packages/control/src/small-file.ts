import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { replaceFile, syncDirectory } from "@cachetorrent/files";
import { errnoOf, storageError } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/** The file's bytes; undefined where there is none. Rejects with a CtError for one that cannot be read, or is larger than `most`. */
export async function readSmallFile(path: string, most: number): Promise<Buffer | undefined> {
  const { O_NONBLOCK, O_RDONLY } = constants;
  try {
    // A FIFO would keep us waiting.
    const handle = await open(path, O_RDONLY | O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new CtError("CT_ERR_STATE", `${path} is no file`);
      if (stats.size > most) throw new CtError("CT_ERR_STATE", `${path} has over ${most} bytes`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw storageError(error, path, "cannot read the file");
  }
}

/**
 * Replaces the file whole, for its owner alone to read; once this has resolved the new one is there, also after a power cut. Rejects with
 * a CtError for one that cannot be written.
 */
export async function writeSmallFile(path: string, content: string | Uint8Array): Promise<void> {
  try {
    await replaceFile(path, content);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw storageError(error, path, "cannot write the file");
  }
}
