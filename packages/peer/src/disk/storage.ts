import type { PieceSet } from "@cachetorrent/protocol";
import type { Selection } from "../selection/selection.ts";

/** Where a torrent's verified bytes are kept. Errors are CtErrors that name the path. */
export interface Storage {
  /** Exactly `length` bytes from `begin` of the piece. */
  read(piece: number, begin: number, length: number): Promise<Uint8Array>;
  /** May `readAtOnce` have bytes of the piece? `fromDisk`: even where the disk may have to be asked, as long as it hardly ever has to. */
  isAtHand?(piece: number, fromDisk: boolean): boolean;
  /** As `read`, without waiting: undefined where that would take time. */
  readAtOnce?(piece: number, begin: number, length: number, fromDisk: boolean): Uint8Array | undefined;
  /** A whole piece, verified already. Once it resolves the bytes may be overwritten. */
  writePiece(piece: number, bytes: Uint8Array): Promise<void>;
  /** As `writePiece`, without waiting: false where that would take time, or something is wrong, and it is still to be written. */
  writeAtOnce?(piece: number, bytes: Uint8Array): boolean;
  /** From now on these files are wanted: brings what is kept of them elsewhere to its place. */
  select?(selection: Selection): Promise<void>;
  /** When every wanted piece is written: makes the zero-length files, and checks all lengths. */
  makeWhole?(): Promise<void>;
  /** As `makeWhole`, and flushes to the disk. */
  finish(): Promise<void>;
  /** Waits for what is under way; idempotent. */
  close(): Promise<void>;
}

/** A storage that is open, and the pieces that stand verified in it. */
export interface OpenedStorage {
  readonly storage: Storage;
  readonly have: PieceSet;
}
