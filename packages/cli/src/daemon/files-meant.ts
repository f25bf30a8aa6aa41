import { posix } from "node:path";
import type { FileView } from "@cachetorrent/control";
import { CtError } from "@cachetorrent/protocol";

/** The indices of those that are meant by a number, numbers such as `2-5`, or a pattern. Throws CT_ERR_USAGE that names the option where some are none. */
export function filesMeant(files: readonly FileView[], text: string, option: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const found = files.filter(({ index, path }) =>
    first === undefined
      ? posix.matchesGlob(path, text) || posix.matchesGlob(posix.basename(path), text)
      : index >= Number(first) && index <= Number(last),
  );
  const highest = files.at(-1)?.index ?? -1;
  if (found.length === 0 || Number(last) > highest) {
    const numbers = first !== undefined && highest >= 0 ? `, whose files are 0 to ${highest}` : "";
    throw new CtError("CT_ERR_USAGE", `--${option}: ${text} is no file of the torrent${numbers}`);
  }
  return found.map(({ index }) => index);
}
