import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { errnoOf, storageError } from "./storage-error.ts";

/** Where the folder is, links followed; of one that is not there its path as it is. */
export async function realFolder(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return path;
    throw storageError(error, path, "cannot look at the folder");
  }
}

/** Where the file is: one place has one such path, by whatever folders it is reached. The file itself is not looked at. */
export async function realPathOf(path: string): Promise<string> {
  return join(await realFolder(dirname(path)), basename(path));
}
