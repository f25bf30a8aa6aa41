import { type CtCacheBody, LIMITS, PieceSet } from "@cachetorrent/protocol";

export interface RelayParts {
  readonly pieceCount: number;
  /** Is it worth telling the follower that we can reach this piece? */
  isNews(piece: number): boolean;
  tell(body: CtCacheBody): void;
}

/** A connection with an outside peer. */
interface Source {
  /** What it has. */
  readonly theirs: PieceSet;
}

/** About what a piece in a list costs on the wire. */
const BYTES_A_LISTED_PIECE = 6;

/** What a leader tells one follower of the pieces it reaches: each once, however many outside peers hold it. */
export class Relay {
  readonly #parts: RelayParts;
  /** Told, or about to be told. */
  readonly #told: PieceSet;
  /** How many pieces an outside peer had when all of them were looked at: none is taken back. */
  readonly #looked = new WeakMap<Source, number>();
  #news: number[] = [];

  constructor(parts: RelayParts) {
    this.#parts = parts;
    this.#told = new PieceSet(parts.pieceCount);
  }

  add(piece: number): void {
    if (this.#parts.isNews(piece) && this.#told.add(piece)) this.#news.push(piece);
  }

  /** All that the outside peer has. A follower that asks for it again and again does not make us look again. */
  addAll(source: Source): void {
    if (this.#looked.get(source) === source.theirs.size) return;
    this.#looked.set(source, source.theirs.size);
    source.theirs.each((piece) => this.add(piece));
  }

  /** Tells what was added since the last time: a map if that is shorter than a list. */
  flush(): void {
    // We, or the follower, may have got it since it was added.
    const pieces = this.#news.filter((piece) => this.#parts.isNews(piece));
    this.#news = [];
    if (pieces.length === 0) return;
    if (pieces.length * BYTES_A_LISTED_PIECE > this.#parts.pieceCount / 8) this.#tellMap(pieces);
    else this.#tellList(pieces);
  }

  #tellMap(pieces: readonly number[]): void {
    const bits = new Uint8Array(Math.ceil(this.#parts.pieceCount / 8));
    for (const piece of pieces) bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
    const most = LIMITS.cache.bitsPerForward;
    for (let at = 0; at < bits.length; at += most) {
      const part = bits.subarray(at, at + most);
      if (part.some((byte) => byte !== 0)) {
        this.#parts.tell({ m: "fwd_bitfield", bits: part, from: at * 8 });
      }
    }
  }

  #tellList(pieces: readonly number[]): void {
    const most = LIMITS.cache.piecesPerForward;
    for (let at = 0; at < pieces.length; at += most) {
      this.#parts.tell({ m: "fwd_have", pieces: pieces.slice(at, at + most) });
    }
  }
}
