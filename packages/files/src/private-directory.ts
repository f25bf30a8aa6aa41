import { access, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes the directory and those above it, where they are not there yet, for their owner alone to look in. Rejects with what the file
 * system says; that something else has its name shows when it is used.
 */
export async function makePrivateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    // Node's own `recursive` never returns where a directory that exists says ENOENT to who makes one in it, as /proc does.
    if (code !== "ENOENT" || (await isThere(dirname(path)))) throw error;
    await makePrivateDirectory(dirname(path));
    await makePrivateDirectory(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
