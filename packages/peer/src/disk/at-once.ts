import type { FileHandle } from "node:fs/promises";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { type DirectIo, TURN_BYTES } from "./direct-io.ts";
import { LatelyWritten } from "./lately-written.ts";
import type { OpenFiles } from "./open-files.ts";
import { memoryFor, type Segment, segmentsOf, segmentsOfPiece } from "./segments.ts";

export interface AtOnceParts {
  readonly metainfo: Metainfo;
  readonly open: OpenFiles;
  readonly io: DirectIo;
  /** Is what there is of the file elsewhere? */
  isAside(file: number): boolean;
  /** The file is about to be written to. */
  writing(file: number): void;
}

/**
 * What of a torrent's files can be read and written without waiting: those that are open, on a disk that keeps up. Whatever is otherwise, or
 * fails, is left to who waits, and tells what is wrong.
 */
export class AtOnce {
  readonly #parts: AtOnceParts;
  readonly #lately = new LatelyWritten();

  constructor(parts: AtOnceParts) {
    this.#parts = parts;
  }

  /** A piece was written, by whomever. */
  wrote(piece: number, bytes: number): void {
    this.#lately.add(piece, bytes);
  }

  /** See `Storage.isAtHand`. */
  has(piece: number, fromDisk: boolean): boolean {
    if (this.#lately.has(piece)) return this.#parts.io.isDirect;
    return fromDisk && this.#parts.io.readsAny && this.#isOpen(piece);
  }

  /** See `Storage.readAtOnce`. */
  read(piece: number, begin: number, length: number, fromDisk: boolean): Uint8Array | undefined {
    if (!this.has(piece, fromDisk)) return undefined;
    const { metainfo } = this.#parts;
    const bytes = memoryFor(metainfo, piece, begin, length);
    for (const segment of segmentsOf(metainfo, piece * metainfo.pieceLength + begin, length)) {
      const target = bytes.subarray(segment.at, segment.at + segment.length);
      if (this.#isPad(segment)) target.fill(0);
      else if (!this.#fill(target, segment, this.#lately.has(piece))) return undefined;
    }
    return bytes;
  }

  /** False where not all of the piece is written. */
  write(piece: number, bytes: Uint8Array): boolean {
    const { io, metainfo, writing } = this.#parts;
    if (!io.isDirect || bytes.length > TURN_BYTES) return false;
    const targets: { segment: Segment; handle: FileHandle }[] = [];
    for (const segment of segmentsOfPiece(metainfo, piece)) {
      if (this.#isPad(segment)) continue;
      const handle = this.#handle(segment.file, true);
      if (!handle) return false;
      targets.push({ segment, handle });
    }
    for (const { handle, segment } of targets) {
      writing(segment.file);
      try {
        const part = bytes.subarray(segment.at, segment.at + segment.length);
        if (!io.writeAtOnce(handle, part, segment.fileOffset)) return false;
      } catch {
        return false;
      }
    }
    this.wrote(piece, bytes.length);
    return true;
  }

  #isOpen(piece: number): boolean {
    const segments = segmentsOfPiece(this.#parts.metainfo, piece);
    return [...segments].every((segment) => this.#isPad(segment) || this.#handle(segment.file, false));
  }

  #fill(target: Uint8Array, { file, fileOffset }: Segment, lately: boolean): boolean {
    const handle = this.#handle(file, false);
    try {
      return handle !== undefined && this.#parts.io.read(handle, target, fileOffset, lately);
    } catch {
      return false;
    }
  }

  #handle(file: number, writable: boolean): FileHandle | undefined {
    return this.#parts.isAside(file) ? undefined : this.#parts.open.opened(file, writable);
  }

  #isPad({ file }: Segment): boolean {
    return this.#parts.metainfo.files[file]?.pad ?? false;
  }
}
