import { LIMITS } from "@cachetorrent/protocol";

/** Pieces watched; more are not needed to find a head out. */
const PIECES_MOST = 256;
/** What is only claimed may be under way for so long, or for so many times as long as pieces took us. */
const CLAIMED_MS = 120_000;
const PATIENCE = 4;

interface Withheld {
  readonly since: number;
  /** When the head said first that somebody holds it, not only that somebody fetches it. */
  heldSince: number;
}

/**
 * Pieces that the head calls taken and that nobody has whom we know. A head that keeps to that has stalled, or lies. What is
 * only claimed may be long under way where pieces are slow.
 */
export class WithheldPieces {
  readonly #pieces = new Map<number, Withheld>();

  /** Taken, says the head, and we find it nowhere. */
  missed(piece: number, now: number): void {
    if (this.#pieces.has(piece) || this.#pieces.size >= PIECES_MOST) return;
    this.#pieces.set(piece, { since: now, heldSince: Number.POSITIVE_INFINITY });
  }

  /** It even named holders. */
  saidHeld(piece: number, now: number): void {
    const known = this.#pieces.get(piece);
    if (known) known.heldSince = Math.min(known.heldSince, now);
  }

  /** Is there one for too long? Those that `isOver` are looked at no more. `pieceMs`: how long pieces take us, if known. */
  isTooLong(isOver: (piece: number) => boolean, pieceMs: number | undefined, now: number): boolean {
    const claimedMs = Math.max(CLAIMED_MS, PATIENCE * (pieceMs ?? 0));
    for (const [piece, { since, heldSince }] of this.#pieces) {
      if (isOver(piece)) this.#pieces.delete(piece);
      else if (now - heldSince >= LIMITS.claims.stalledDenyMs || now - since >= claimedMs) return true;
    }
    return false;
  }

  clear(): void {
    this.#pieces.clear();
  }
}
