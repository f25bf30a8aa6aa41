import { open, rename } from "node:fs/promises";

/**
 * Replaces a file whole: a crash leaves the old one or the new one. The new one is safe from a power cut when its
 * directory is synchronised, too. Only the owner can read it.
 */
export async function replaceFile(file: string, content: string | Iterable<string>): Promise<void> {
  const temporary = `${file}.tmp`;
  const handle = await open(temporary, "w", 0o600);
  try {
    for (const part of typeof content === "string" ? [content] : content) await handle.appendFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
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
