/**
 * A rate limit as a bucket of tokens, one a byte. Holds at most `burstMs` of the rate (and always a whole block), so a
 * pause does not turn into a flood.
 */
export class TokenBucket {
  #rate: number;
  #tokens: number;
  #filledAt: number;

  /** `bytesPerSecond` of Infinity limits nothing. */
  constructor(bytesPerSecond: number, now: number) {
    this.#rate = bytesPerSecond;
    this.#tokens = this.#capacity();
    this.#filledAt = now;
  }

  /** From now on at this rate. Debts stay, and are paid at the new rate. */
  setRate(bytesPerSecond: number, now: number): void {
    if (bytesPerSecond === this.#rate) return;
    this.#fill(now);
    this.#filledAt = now;
    this.#rate = bytesPerSecond;
    this.#tokens = Math.min(this.#tokens, this.#capacity());
  }

  /** Takes the tokens of `bytes` if the bucket is not empty. It may go into debt for them: large blocks pass too. */
  take(bytes: number, now: number): boolean {
    if (this.#rate === Number.POSITIVE_INFINITY) return true;
    this.#fill(now);
    if (this.#tokens <= 0) return false;
    this.#tokens -= bytes;
    return true;
  }

  /** Milliseconds until `take` succeeds. */
  waitMs(now: number): number {
    if (this.#rate === Number.POSITIVE_INFINITY) return 0;
    this.#fill(now);
    return this.#tokens > 0 ? 0 : (1 - this.#tokens) / (this.#rate / 1000);
  }

  #fill(now: number): void {
    if (this.#rate === Number.POSITIVE_INFINITY) return;
    this.#tokens = Math.min(this.#capacity(), this.#tokens + ((now - this.#filledAt) * this.#rate) / 1000);
    this.#filledAt = now;
  }

  #capacity(): number {
    return Math.max(BURST_BYTES_LEAST, (this.#rate * BURST_MS) / 1000);
  }
}

const BURST_MS = 50;
const BURST_BYTES_LEAST = 16 * 1024;
