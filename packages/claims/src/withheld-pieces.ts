import { LIMITS } from "@cachetorrent/protocol";

/** Pieces watched; more are not needed to find a head out. */
const PIECES_MOST = 256;
/** A claimed piece may take so many times as long as pieces took us before. */
const PATIENCE = 4;
/** As long as no piece came to us, we cannot know how long one takes. */
const UNKNOWN_MS = 120_000;

interface Withheld {
  readonly since: number;
  /** The head said that somebody holds it, not only that somebody fetches it. */
  isSaidHeld: boolean;
}

/**
 * Pieces that the head calls taken and that nobody has whom we know. A head that keeps to that has stalled, or lies. What is
 * only claimed may be long under way where pieces are slow.
 */
export class WithheldPieces {
  readonly #pieces = new Map<number, Withheld>();

  /** Taken, says the head, and we find it nowhere. */
  missed(piece: number, isSaidHeld: boolean, now: number): void {
    const known = this.#pieces.get(piece);
    if (known) known.isSaidHeld ||= isSaidHeld;
    else if (this.#pieces.size < PIECES_MOST) this.#pieces.set(piece, { since: now, isSaidHeld });
  }

  /** Is there one for too long? Those that `isOver` are looked at no more. `pieceMs`: how long pieces take us, if known. */
  isTooLong(isOver: (piece: number) => boolean, pieceMs: number | undefined, now: number): boolean {
    const claimedMs =
      pieceMs === undefined ? UNKNOWN_MS : Math.max(LIMITS.claims.stalledDenyMs, PATIENCE * pieceMs);
    for (const [piece, { since, isSaidHeld }] of this.#pieces) {
      if (isOver(piece)) this.#pieces.delete(piece);
      else if (now - since >= (isSaidHeld ? LIMITS.claims.stalledDenyMs : claimedMs)) return true;
    }
    return false;
  }

  clear(): void {
    this.#pieces.clear();
  }
}
