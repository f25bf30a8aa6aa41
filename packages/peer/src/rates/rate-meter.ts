/**
 * An exponentially weighted rate: what came in over the last `windowMs`, the newest weighing most. A meter younger than
 * its window divides by its age instead, so that a new connection is not taken for a slow one.
 */
export class RateMeter {
  readonly #windowMs: number;
  #weighted = 0;
  #updatedAt: number;
  readonly #startedAt: number;

  constructor(now: number, windowMs = 5000) {
    this.#windowMs = windowMs;
    this.#updatedAt = now;
    this.#startedAt = now;
  }

  add(bytes: number, now: number): void {
    this.#decay(now);
    this.#weighted += bytes;
  }

  /** Bytes per second. */
  rate(now: number): number {
    this.#decay(now);
    const age = Math.max(now - this.#startedAt, 250);
    return (this.#weighted / (this.#windowMs * (1 - Math.exp(-age / this.#windowMs)))) * 1000;
  }

  #decay(now: number): void {
    const elapsed = now - this.#updatedAt;
    // Below a millisecond the factor is 1 to three digits: one exp a burst instead of one a block.
    if (elapsed < 1) return;
    this.#weighted *= Math.exp(-elapsed / this.#windowMs);
    this.#updatedAt = now;
  }
}
