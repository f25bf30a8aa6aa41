import { constants } from "node:fs";
import { type FileHandle, lstat, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import { partsName } from "../metainfo/torrent-paths.ts";
import { errnoOf, storageError } from "./storage-error.ts";

/**
 * Bytes of files that are not to be downloaded, and came along in pieces that they share with wanted ones: a hidden file in the download
 * directory. Each byte stands where it stands in the torrent, and all else is a hole, so that the file needs no table of its own
 * and takes the room of two pieces for each skipped file at most.
 */
export class PartsFile {
  readonly path: string;
  #size = 0;

  constructor(directory: string, infoHash: string) {
    this.path = join(directory, partsName(infoHash));
  }

  /** Looks at the disk. */
  async look(): Promise<void> {
    try {
      const stats = await lstat(this.path);
      if (!stats.isFile()) {
        throw new CtError(
          "CT_ERR_FILE_IN_THE_WAY",
          `${this.path}: this is no file that parts can be kept in`,
        );
      }
      this.#size = stats.size;
    } catch (error) {
      if (error instanceof CtError) throw error;
      if (errnoOf(error) !== "ENOENT") throw storageError(error, this.path, "cannot look at the file");
      this.#size = 0;
    }
  }

  /** Does it reach to that byte of the torrent? What is there may still be a hole. */
  reaches(end: number): boolean {
    return this.#size >= end;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  async open(writable: boolean): Promise<FileHandle> {
    const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants;
    return open(this.path, (writable ? O_RDWR | O_CREAT : O_RDONLY) | O_NOFOLLOW, 0o666);
  }

  /** Bytes up to there were written. */
  wrote(end: number): void {
    this.#size = Math.max(this.#size, end);
  }

  /** No file is skipped any more. */
  async remove(): Promise<void> {
    if (this.isEmpty) return;
    this.#size = 0;
    try {
      await unlink(this.path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw storageError(error, this.path, "cannot remove the file");
    }
  }
}
