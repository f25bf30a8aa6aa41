import { lstat } from "node:fs/promises";
import { CtError } from "@cachetorrent/protocol";
import type { TorrentFile } from "../metainfo/metainfo.ts";
import type { DownloadDirectory } from "./download-directory.ts";
import { type FileStamp, NO_FILE } from "./file-stamp.ts";
import { errnoOf, storageError } from "./storage-error.ts";

/** What to do about files on disk that are longer than the torrent says. */
export type LongerFiles = "refuse" | "pass";

/** The file as it is on disk. Throws CT_ERR_FILE_IN_THE_WAY where something else is in its place. */
export async function stampInPlace(
  directory: DownloadDirectory,
  file: TorrentFile,
  longerFiles: LongerFiles,
): Promise<FileStamp> {
  if (!(await directory.has(file.path.slice(0, -1)))) return NO_FILE;
  const path = directory.join(file.path);
  const stats = await lstat(path, { bigint: true }).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw storageError(error, path, "cannot look at the file");
  });
  if (!stats) return NO_FILE;
  if (!stats.isFile()) {
    const found = stats.isDirectory()
      ? "a directory"
      : stats.isSymbolicLink()
        ? "a symbolic link"
        : "a device";
    throw new CtError("CT_ERR_FILE_IN_THE_WAY", `${path}: ${found} is where a file must be`);
  }
  if (stats.size > file.length && longerFiles === "refuse") {
    throw new CtError(
      "CT_ERR_FILE_IN_THE_WAY",
      `${path}: a file of ${stats.size} bytes is where the torrent has one of ${file.length}`,
    );
  }
  return { size: Number(stats.size), mtimeNs: stats.mtimeNs };
}
