import { createHash } from "node:crypto";
import { type InfoHash, infoHashFromBytes, LIMITS } from "@cachetorrent/protocol";
import { metadataPieces } from "../wire/metadata-message.ts";

const { pieceBytes } = LIMITS.metadata;

/**
 * The info dictionary as it comes from one peer. Only the whole of it can be checked, and so all of it is taken from one:
 * whoever gave a wrong one is known. Memory is taken as pieces come, not as their size is claimed.
 */
export class MetadataDownload {
  readonly size: number;
  /** When it was begun, and its latest piece came. */
  readonly startedAt: number;
  lastAt: number;
  readonly #infoHash: InfoHash;
  readonly #pieces: (Uint8Array | undefined)[];
  readonly #asked = new Set<number>();
  #next = 0;
  #received = 0;

  constructor(infoHash: InfoHash, size: number, now: number) {
    this.#infoHash = infoHash;
    this.size = size;
    this.startedAt = now;
    this.lastAt = now;
    this.#pieces = new Array(metadataPieces(size));
  }

  get receivedBytes(): number {
    return this.#received;
  }

  /** The next piece to ask for; undefined while enough are asked for. */
  next(): number | undefined {
    if (this.#asked.size >= LIMITS.metadata.requestsAhead || this.#next >= this.#pieces.length)
      return undefined;
    this.#asked.add(this.#next);
    return this.#next++;
  }

  /** A piece came. False where it is none that was asked for, or cannot be one of this size. */
  take({ bytes, piece, totalSize }: TakenPiece, now: number): boolean {
    const length = Math.min(pieceBytes, this.size - piece * pieceBytes);
    if (totalSize !== this.size || bytes.length !== length || !this.#asked.delete(piece)) return false;
    // A copy: the message that it is part of would be kept as a whole.
    this.#pieces[piece] = Uint8Array.from(bytes);
    this.#received += length;
    this.lastAt = now;
    return true;
  }

  get isWhole(): boolean {
    return this.#received === this.size;
  }

  /** Once it is whole: its bytes, or undefined when they are of something else. */
  verified(): Uint8Array | undefined {
    const info = Buffer.concat(this.#pieces.filter((piece) => piece !== undefined));
    const infoHash = infoHashFromBytes(createHash("sha1").update(info).digest());
    return infoHash === this.#infoHash ? info : undefined;
  }
}

interface TakenPiece {
  readonly piece: number;
  readonly totalSize: number;
  readonly bytes: Uint8Array;
}
