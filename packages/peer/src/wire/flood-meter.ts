import { RateMeter } from "../rates/rate-meter.ts";

/** Over this time the rate of messages is averaged. */
const WINDOW_MS = 10_000;

/** Tells when one side sends more of a kind of messages than anybody needs to. */
export class FloodMeter {
  readonly #most: number;
  readonly #rate: RateMeter;

  /** `most` messages a second. */
  constructor(most: number, now: number) {
    this.#most = most;
    // As if it had run for long: a burst, such as many haves at the start, is averaged over the whole window.
    this.#rate = new RateMeter(now - 10 * WINDOW_MS, WINDOW_MS);
  }

  /** Counts so many messages; true when they are too many. */
  isExceededBy(messages: number, now: number): boolean {
    this.#rate.add(messages, now);
    return this.#rate.rate(now) > this.#most;
  }
}
