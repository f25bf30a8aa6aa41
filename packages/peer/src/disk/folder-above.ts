import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { Metainfo } from "../metainfo/metainfo.ts";

/** Of so many files at most it is looked whether they are there: one is enough. */
const FILES_LOOKED_FOR = 100;

/**
 * The folder that was meant by `dir`, if that is the torrent's own, and holds its files: they are looked for in a folder of that name
 * below it, where nothing is. For a torrent of which nothing was found; of one that is a single file it is undefined.
 */
export async function folderAbove(
  { files }: Pick<Metainfo, "files">,
  dir: string,
): Promise<string | undefined> {
  const own = basename(resolve(dir));
  const looked = files.filter(({ length, pad, path }) => !pad && length > 0 && path.length > 1);
  for (const { length, path } of looked.slice(0, FILES_LOOKED_FOR)) {
    if (path[0] !== own) return undefined;
    const found = await stat(join(dir, ...path.slice(1))).catch(() => undefined);
    if (found?.isFile() && found.size === length) return join(dir, "..");
  }
  return undefined;
}
