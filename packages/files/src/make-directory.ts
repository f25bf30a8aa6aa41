import { access, mkdir } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Makes the directory and those above it, where they are not there yet. Rejects with what the file system says; that something else has
 * its name shows when it is used. Node's own `recursive` never returns where a directory that exists says ENOENT to who makes one in it, as
 * /proc does.
 */
export async function makeDirectory(path: string, mode?: number): Promise<void> {
  try {
    await makeOne(path, mode);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || (await isThere(parent))) throw error;
    await makeDirectory(parent, mode);
    await makeOne(path, mode);
  }
}

/** As `makeDirectory`, for their owner alone to look in. */
export function makePrivateDirectory(path: string): Promise<void> {
  return makeDirectory(path, 0o700);
}

async function makeOne(path: string, mode: number | undefined): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** Is anything there, be it what this user may not look at? */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
