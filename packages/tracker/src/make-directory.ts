import { access, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes the directory and those above it, where they are not there yet. Node's own `recursive` never returns where a
 * directory that exists says ENOENT to who makes one in it, as /proc does.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // What it is shows when it is used.
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || (await isThere(dirname(path)))) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
