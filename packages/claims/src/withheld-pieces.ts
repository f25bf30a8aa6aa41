import { LIMITS } from "@cachetorrent/protocol";

/** Pieces watched; more are not needed to find a head out. */
const PIECES_MOST = 256;
/** What is only claimed may be under way for so long, at least. */
const CLAIMED_MS = 120_000;

interface Withheld {
  readonly since: number;
  /** When the head said first that somebody holds it, not only that somebody fetches it. */
  heldSince: number;
}

/**
 * Pieces that the head calls taken and that nobody has whom we know. A head that keeps to that has stalled, or lies. Where pieces are
 * slow they may be long under way, and as long as many of them are missing any one of those may be the last to come.
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

  /** Is there one for too long, `patienceMs` at least? Those that `isOver` are looked at no more. */
  isTooLong(isOver: (piece: number) => boolean, patienceMs: number, now: number): boolean {
    const claimedMs = Math.max(CLAIMED_MS, patienceMs);
    const heldMs = Math.max(LIMITS.claims.stalledDenyMs, patienceMs);
    for (const [piece, { since, heldSince }] of this.#pieces) {
      if (isOver(piece)) this.#pieces.delete(piece);
      else if (now - heldSince >= heldMs || now - since >= claimedMs) return true;
    }
    return false;
  }

  clear(): void {
    this.#pieces.clear();
  }
}
