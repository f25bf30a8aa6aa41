import { open, rename, rm } from "node:fs/promises";

/**
 * Replaces a file whole, for its owner alone to read: whatever happens the old one or the new one is there. The new one is safe
 * from a power cut once its directory is synchronised, too. Rejects with what the file system says.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array | Iterable<string>,
): Promise<void> {
  const temporary = `${path}.tmp`;
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
