import type { Metainfo } from "./metainfo.ts";

/** Where a torrent's verified bytes are kept. Errors are CtErrors that name the path. */
export interface Storage {
  /** Exactly `length` bytes from `begin` of the piece. */
  read(piece: number, begin: number, length: number): Promise<Uint8Array>;
  /** A whole piece, verified already. */
  writePiece(piece: number, bytes: Uint8Array): Promise<void>;
  /** When every piece is in place: makes the zero-length files, checks all lengths, flushes to the disk. */
  finish(): Promise<void>;
  /** Waits for what is under way; idempotent. */
  close(): Promise<void>;
}

export class FileStorage implements Storage {
  static open(_metainfo: Metainfo, _dir: string): Promise<FileStorage> {
    throw new Error("under construction");
  }
  read(_piece: number, _begin: number, _length: number): Promise<Uint8Array> {
    throw new Error("under construction");
  }
  writePiece(_piece: number, _bytes: Uint8Array): Promise<void> {
    throw new Error("under construction");
  }
  finish(): Promise<void> {
    throw new Error("under construction");
  }
  close(): Promise<void> {
    throw new Error("under construction");
  }
}
