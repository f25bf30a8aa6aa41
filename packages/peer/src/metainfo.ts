import type { InfoHash } from "@cachetorrent/protocol";

/** A file of a torrent, at `offset` in the byte stream that the pieces cut. */
export interface TorrentFile {
  /** Checked components below the download directory; a multi-file torrent's name comes first. */
  readonly path: readonly string[];
  readonly length: number;
  readonly offset: number;
  /** BEP 47 padding: hashed and sent as zeros, never on disk. */
  readonly pad: boolean;
}

/** What a .torrent file says, checked. */
export interface Metainfo {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes in all, padding included. */
  readonly length: number;
  /** SHA-1 of every piece in turn, 20 bytes each. */
  readonly hashes: Uint8Array;
  readonly files: readonly TorrentFile[];
  readonly isPrivate: boolean;
  /** BEP 12 tiers; a lone `announce` is one tier of one. */
  readonly trackers: readonly (readonly string[])[];
  /** It has a v2 part too (BEP 52); its v1 part is what we use. */
  readonly isHybrid: boolean;
  readonly comment?: string;
  readonly createdBy?: string;
  readonly createdAt?: Date;
}

/** Throws a CtError that names `source`, the file the bytes came from. */
export function parseMetainfo(_bytes: Uint8Array, _source: string): Promise<Metainfo> {
  throw new Error("under construction");
}

export function loadMetainfo(_path: string): Promise<Metainfo> {
  throw new Error("under construction");
}

/** Bytes in a piece: the last may be short. */
export function pieceSize(
  metainfo: Pick<Metainfo, "pieceLength" | "length" | "pieceCount">,
  piece: number,
): number {
  if (!Number.isInteger(piece) || piece < 0 || piece >= metainfo.pieceCount) {
    throw new RangeError(`no piece ${piece} of ${metainfo.pieceCount}`);
  }
  return Math.min(metainfo.pieceLength, metainfo.length - piece * metainfo.pieceLength);
}
