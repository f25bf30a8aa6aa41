import { LIMITS } from "@cachetorrent/protocol";

/** Pieces in doubt at a time, and members that are remembered as doubting one. */
const PIECES_MOST = 256;
const DOUBTERS_MOST = 8;
/** A doubt that nobody repeats is over. */
const OVER_MS = 60_000;

interface Doubt<Member> {
  readonly since: number;
  lastAt: number;
  readonly doubters: Set<Member>;
}

/** Pieces said to be held of which members say that none of the holders serves them. */
export class Doubts<Member> {
  readonly #doubts = new Map<number, Doubt<Member>>();

  get size(): number {
    return this.#doubts.size;
  }

  /** A member names all holders of the piece as not serving. */
  add(piece: number, member: Member, now: number): void {
    let doubt = this.#doubts.get(piece);
    if (!doubt) {
      if (this.#doubts.size >= PIECES_MOST) return;
      doubt = { since: now, lastAt: now, doubters: new Set() };
      this.#doubts.set(piece, doubt);
    }
    doubt.lastAt = now;
    if (doubt.doubters.size < DOUBTERS_MOST) doubt.doubters.add(member);
  }

  /** Somebody was served. */
  settle(piece: number): void {
    this.#doubts.delete(piece);
  }

  left(member: Member): void {
    for (const [piece, { doubters }] of this.#doubts) {
      if (doubters.delete(member) && doubters.size === 0) this.#doubts.delete(piece);
    }
  }

  /** Those that enough members have doubted for long enough. */
  ripe(enough: (piece: number) => number, now: number): number[] {
    const pieces: number[] = [];
    for (const [piece, { since, lastAt, doubters }] of this.#doubts) {
      if (now - lastAt > OVER_MS) this.#doubts.delete(piece);
      else if (doubters.size >= enough(piece) && now - since >= LIMITS.claims.whereMs) pieces.push(piece);
    }
    return pieces;
  }
}
