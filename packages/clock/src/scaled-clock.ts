import type { Clock, Timer } from "./clock.ts";

/**
 * A clock on which `scale` milliseconds pass in one of the clock below it: a swarm that takes all its times and rates
 * from it runs as it would otherwise, only faster. Clocks of several threads agree when they have the same `origin`.
 */
export class ScaledClock implements Clock {
  readonly #base: Clock;
  readonly #scale: number;
  readonly #origin: number;

  /** `origin` is the time of `base` at which both show the same; without it, now. Throws RangeError unless `scale` is above 0. */
  constructor(base: Clock, scale: number, origin = base.now()) {
    if (!(scale > 0 && scale < Number.POSITIVE_INFINITY)) throw new RangeError(`no time scale: ${scale}`);
    this.#base = base;
    this.#scale = scale;
    this.#origin = origin;
  }

  now(): number {
    return this.#origin + (this.#base.now() - this.#origin) * this.#scale;
  }

  after(delayMs: number, fn: () => void, options?: { keepAlive?: boolean }): Timer {
    return this.#base.after(delayMs / this.#scale, fn, options);
  }

  every(periodMs: number, fn: () => void): Timer {
    return this.#base.every(periodMs / this.#scale, fn);
  }
}
