import type { Metainfo } from "./metainfo.ts";
import type { PieceSet } from "./piece-set.ts";
import type { FileStorage } from "./storage.ts";

export interface VerifyOptions {
  /** Pieces checked so far, and how many of them are valid. */
  onProgress?(checked: number, valid: number): void;
  readonly signal?: AbortSignal;
}

export function isPieceValid(_metainfo: Metainfo, _piece: number, _bytes: Uint8Array): boolean {
  throw new Error("under construction");
}

/** The pieces that are whole on disk. */
export function verifyOnDisk(
  _metainfo: Metainfo,
  _storage: FileStorage,
  _options: VerifyOptions = {},
): Promise<PieceSet> {
  throw new Error("under construction");
}
