import type { Clock, Timer } from "@cachetorrent/clock";

/** Runs one task, at the soonest of the times that were asked for since it last ran. */
export class Soonest {
  readonly #clock: Clock;
  readonly #task: () => void;
  #dueAt = Number.POSITIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(clock: Clock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  /** With 0 or less once this tick is over. */
  in(delayMs: number): void {
    const dueAt = delayMs > 0 ? this.#clock.now() + delayMs : Number.NEGATIVE_INFINITY;
    if (dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#dueAt = dueAt;
    const run = (): void => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      this.#task();
    };
    if (delayMs > 0) this.#timer = this.#clock.after(delayMs, run);
    else setImmediate(run);
  }
}
