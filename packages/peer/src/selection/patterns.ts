import { posix } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import type { Metainfo, TorrentFile } from "../metainfo/metainfo.ts";
import type { FilePriority } from "./selection.ts";

export interface FilePatterns {
  /** Of what matches none of them nothing is downloaded; without any, everything is. */
  readonly files: readonly string[];
  /** What matches one of them is not downloaded, whatever `files` say. */
  readonly skip: readonly string[];
}

/** So many files are named in an error. */
const NAMED_MOST = 5;

/**
 * Which files of the torrents the patterns choose: for each torrent in turn, priorities by index in its files. Throws CT_ERR_USAGE for a
 * pattern that matches no file of any torrent, and where nothing would be left of all of them.
 */
export function selectFiles(
  metainfos: readonly Metainfo[],
  { files, skip }: FilePatterns,
): Map<number, FilePriority>[] {
  for (const [option, patterns] of [
    ["--files", files],
    ["--skip-files", skip],
  ] as const) {
    for (const pattern of patterns) {
      if (!metainfos.some((metainfo) => metainfo.files.some((file) => matches(file, pattern)))) {
        throw new CtError("CT_ERR_USAGE", `${option}: nothing matches ${pattern}; ${filesOf(metainfos)}`);
      }
    }
  }
  const chosen = metainfos.map((metainfo) => chosenOf(metainfo, { files, skip }));
  const isAnyLeft = metainfos.some(({ files }, i) =>
    files.some(({ pad }, at) => !pad && !chosen[i]?.has(at)),
  );
  if (!isAnyLeft) throw new CtError("CT_ERR_USAGE", "--files and --skip-files leave nothing to download");
  return chosen;
}

/**
 * Says of a torrent which of its files the patterns choose. `unknown` torrents are magnet links, whose files are not known yet. Throws as
 * `selectFiles` does: at once, or for a single magnet link later; of several torrents any may be the one that a pattern is for.
 */
export function fileChooser(
  metainfos: readonly Metainfo[],
  unknown: number,
  patterns: FilePatterns,
): (metainfo: Metainfo) => Map<number, FilePriority> {
  if (unknown === 0) selectFiles(metainfos, patterns);
  const isAlone = unknown === 1 && metainfos.length === 0;
  return (metainfo) => {
    if (isAlone) selectFiles([metainfo], patterns);
    return chosenOf(metainfo, patterns);
  };
}

function chosenOf(metainfo: Metainfo, { files, skip }: FilePatterns): Map<number, FilePriority> {
  const isWanted = (file: TorrentFile) =>
    (files.length === 0 || files.some((pattern) => matches(file, pattern))) &&
    !skip.some((pattern) => matches(file, pattern));
  const skipped = [...metainfo.files.entries()].filter(([, file]) => !file.pad && !isWanted(file));
  return new Map(skipped.map(([index]) => [index, "skip" as const]));
}

/**
 * Does the pattern match the file, or a folder that it is in? One without a slash is compared with each name of the path, one with a slash
 * with the path from its beginning, which may be the torrent's name or what is below.
 */
function matches({ pad, path }: TorrentFile, pattern: string): boolean {
  if (pad) return false;
  const glob = pattern.replace(/^\.?\//, "").replace(/\/+$/, "");
  if (!glob.includes("/")) return path.some((name) => posix.matchesGlob(name, glob));
  return [path, path.slice(1)].some((components) =>
    components.some((_, end) => posix.matchesGlob(components.slice(0, end + 1).join("/"), glob)),
  );
}

function filesOf(metainfos: readonly Metainfo[]): string {
  const paths = metainfos.flatMap(({ files }) =>
    files.filter(({ pad }) => !pad).map(({ path }) => path.join("/")),
  );
  const named = paths.slice(0, NAMED_MOST).map((path) => JSON.stringify(path));
  const more = paths.length - named.length;
  return `the files are ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
