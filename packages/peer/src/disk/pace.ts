/** So much longer than they should calls may take, together, before they are stopped. */
const SLOW_MS = 50;
const REST_LEAST_MS = 1000;
const REST_MOST_MS = 64_000;

/**
 * Whether calls are as fast as is expected of them. When they are not they rest, for a time that doubles as long as they are soon found slow again.
 * Times are milliseconds.
 */
export class Pace {
  readonly #bytesPerMs: number;
  /** By how much calls took longer than they should, lately. */
  #lateMs = 0;
  #restMs = REST_LEAST_MS;
  #restsUntil = Number.NEGATIVE_INFINITY;

  /** `bytesPerMs`: what is fast. */
  constructor(bytesPerMs: number) {
    this.#bytesPerMs = bytesPerMs;
  }

  /** Never kept. */
  static never(): Pace {
    const pace = new Pace(0);
    pace.#restsUntil = Number.POSITIVE_INFINITY;
    return pace;
  }

  isKept(now: number): boolean {
    return now >= this.#restsUntil;
  }

  /** So long a call took. False if it is not kept any more, because of it. */
  took(begunAt: number, endedAt: number, bytes: number): boolean {
    this.#lateMs = Math.max(0, this.#lateMs + endedAt - begunAt - bytes / this.#bytesPerMs);
    if (this.#lateMs <= SLOW_MS) return true;
    const isSoonAgain = endedAt - this.#restsUntil < this.#restMs;
    this.#restMs = isSoonAgain ? Math.min(2 * this.#restMs, REST_MOST_MS) : REST_LEAST_MS;
    this.#restsUntil = endedAt + this.#restMs;
    this.#lateMs = 0;
    return false;
  }
}
