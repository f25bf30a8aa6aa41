import type { Metainfo } from "./metainfo.ts";

export interface CreateOptions {
  readonly path: string;
  readonly trackers: readonly string[];
  readonly pieceLength?: number;
  readonly isPrivate?: boolean;
  readonly comment?: string;
  readonly createdAt?: Date;
  onProgress?(hashedBytes: number, totalBytes: number): void;
}

export interface CreatedTorrent {
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  /** Litter of file managers that was not taken in, relative to the path. */
  readonly leftOut: readonly string[];
}

export function createTorrentFile(_options: CreateOptions): Promise<CreatedTorrent> {
  throw new Error("under construction");
}
