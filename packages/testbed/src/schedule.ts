import type { Clock, Timer } from "@cachetorrent/clock";
import type { Moment } from "./scenario/faults.ts";

/** Calls `fire` with each entry at its moment: so long after `start`, or when progress has come so far. Each fires once. */
export class Schedule<T extends { readonly at: Moment }> {
  readonly #entries: readonly T[];
  readonly #clock: Clock;
  readonly #fire: (entry: T) => void;
  readonly #timers: Timer[] = [];
  #waiting: readonly T[];

  constructor(entries: readonly T[], clock: Clock, fire: (entry: T) => void) {
    this.#entries = entries;
    this.#clock = clock;
    this.#fire = fire;
    this.#waiting = entries.filter(({ at }) => "progress" in at);
  }

  start(): void {
    for (const entry of this.#entries) {
      if ("ms" in entry.at) this.#timers.push(this.#clock.after(entry.at.ms, () => this.#fire(entry)));
    }
  }

  /** The peers hold so much of the content on average. */
  progressed(fraction: number): void {
    const due = this.#waiting.filter(({ at }) => "progress" in at && at.progress <= fraction);
    this.#waiting = this.#waiting.filter((entry) => !due.includes(entry));
    for (const entry of due) this.#fire(entry);
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#waiting = [];
  }
}
