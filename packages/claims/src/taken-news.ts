import { type ClaimMessage, LIMITS, type PieceSet } from "@cachetorrent/protocol";

/** About what a piece in a list costs on the wire. */
const BYTES_A_LISTED_PIECE = 6;

/** The whole map goes out again so often while something is missing: whoever missed a message would wait for ever. */
const REFRESH_MS = 30_000;

/** What the members are to be told of the pieces taken: rarely, and as a whole when a piece is free again. */
export class TakenNews {
  readonly #taken: PieceSet;
  #news: number[] = [];
  #isWhole = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #toldWholeAt: number;

  constructor(taken: PieceSet, now: number) {
    this.#taken = taken;
    this.#toldWholeAt = now;
  }

  taken(piece: number): void {
    if (this.#isWhole) return;
    this.#news.push(piece);
    if (this.#news.length * BYTES_A_LISTED_PIECE > this.#taken.pieceCount / 8) this.wholeIsNews();
  }

  /** Lists only add: what became free can be told by the map alone. */
  wholeIsNews(): void {
    this.#isWhole = true;
    this.#news = [];
  }

  /** What to tell everybody now; nothing when there is no news, or when the last was less than `periodMs` ago. */
  due(now: number, periodMs: number): ClaimMessage[] {
    if (now - this.#toldAt < periodMs) return [];
    if (!this.#taken.isFull && now - this.#toldWholeAt >= REFRESH_MS) this.wholeIsNews();
    if (!this.#isWhole && this.#news.length === 0) return [];
    this.#toldAt = now;
    if (this.#isWhole) {
      this.#toldWholeAt = now;
      this.#isWhole = false;
      return takenMaps(this.#taken);
    }
    const bodies: ClaimMessage[] = [];
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at < this.#news.length; at += most) {
      bodies.push({ m: "taken", pieces: this.#news.slice(at, at + most) });
    }
    this.#news = [];
    return bodies;
  }
}

/** The whole map, in parts that fit a message. */
export function takenMaps(taken: PieceSet): ClaimMessage[] {
  const bits = taken.toBitfield();
  const bodies: ClaimMessage[] = [];
  for (let at = 0; at < bits.length; at += LIMITS.claims.bitsPerMessage) {
    bodies.push({
      m: "taken_map",
      bits: bits.subarray(at, at + LIMITS.claims.bitsPerMessage),
      from: at * 8,
    });
  }
  return bodies;
}
