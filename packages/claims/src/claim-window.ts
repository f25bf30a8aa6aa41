import { LIMITS } from "@cachetorrent/protocol";

/**
 * How many claims a member may have open: it grows with what the member delivers. A fixed one makes small ASes crawl. After an
 * expiry the member is granted nothing for a while: without that pause one that claims and does not fetch holds the last
 * pieces for ever.
 */
export class ClaimWindow {
  #size: number = LIMITS.claims.windowStart;
  #nextPauseMs: number = LIMITS.claims.pauseMs;
  #pausedUntil = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#size;
  }

  isPaused(now: number): boolean {
    return now < this.#pausedUntil;
  }

  delivered(): void {
    this.#size = Math.min(LIMITS.claims.windowMost, this.#size + 1);
    this.#nextPauseMs = LIMITS.claims.pauseMs;
  }

  /** Claims that run out while it pauses already have the same cause, and count once with the first. */
  expired(now: number): void {
    if (this.isPaused(now)) return;
    this.#size = Math.max(LIMITS.claims.windowLeast, this.#size >> 1);
    this.#pausedUntil = now + this.#nextPauseMs;
    this.#nextPauseMs = Math.min(LIMITS.claims.avoidMs, this.#nextPauseMs * 2);
  }
}
