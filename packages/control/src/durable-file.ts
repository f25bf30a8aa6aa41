import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { storageError } from "@cachetorrent/peer";

/**
 * Replaces a file whole, for its owner alone to read: whatever happens the old one or the new one is there, and once this has
 * resolved the new one, also after a power cut. Rejects with a CtError that names it.
 */
export async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    // Not written over: it may be a link that somebody put there.
    await rm(temporary, { force: true });
    const handle = await open(temporary, "wx", 0o600);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw storageError(error, path, "cannot write the file");
  }
}

/** What was renamed and removed in it survives a power cut from here on. */
export async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
