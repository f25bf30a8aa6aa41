import type { FileStorage, Metainfo, OpenedStorage, Storage } from "@cachetorrent/peer";
import { PieceSet } from "@cachetorrent/protocol";

/**
 * One copy of the content for many peers: what a peer writes is dropped (it was verified as always), what it reads
 * comes from the original.
 */
export class SharedStorage implements Storage {
  readonly #original: FileStorage;

  constructor(original: FileStorage) {
    this.#original = original;
  }

  read(piece: number, begin: number, length: number): Promise<Uint8Array> {
    return this.#original.read(piece, begin, length);
  }

  async writePiece(): Promise<void> {
    // The original has it.
  }

  async finish(): Promise<void> {
    // There is nothing to flush.
  }

  async close(): Promise<void> {
    // Others read on.
  }
}

/** The storage of one peer that holds everything, or nothing, of what the original has. */
export function openShared(original: FileStorage, metainfo: Metainfo, isSeed: boolean): OpenedStorage {
  const have = isSeed ? PieceSet.full(metainfo.pieceCount) : new PieceSet(metainfo.pieceCount);
  return { storage: new SharedStorage(original), have };
}
