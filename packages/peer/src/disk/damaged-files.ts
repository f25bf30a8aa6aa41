import type { Metainfo, TorrentFile } from "../metainfo/metainfo.ts";
import { segmentsOf } from "./segments.ts";

/**
 * Counts, while content is checked, the pieces of each file that hold data other than the torrent's. To mend them is
 * what resuming is for, but they may also be somebody's changes to a file of his, of whose loss he must be told.
 */
export class DamagedFiles {
  readonly #metainfo: Metainfo;
  readonly #pieces = new Map<TorrentFile, number>();

  constructor(metainfo: Metainfo) {
    this.#metainfo = metainfo;
  }

  /** This is what stands on disk in the place of the piece. */
  found(piece: number, bytes: Uint8Array): void {
    const offset = piece * this.#metainfo.pieceLength;
    for (const { file: index, at, length } of segmentsOf(this.#metainfo, offset, bytes.length)) {
      const file = this.#metainfo.files[index];
      // A piece may touch several files, of which some are still empty.
      const holdsData = bytes.subarray(at, at + length).some((byte) => byte !== 0);
      if (file && !file.pad && holdsData) this.#pieces.set(file, (this.#pieces.get(file) ?? 0) + 1);
    }
  }

  /** The files, and how many pieces of each. */
  [Symbol.iterator](): Iterator<[file: TorrentFile, pieces: number]> {
    return this.#pieces.entries();
  }
}
