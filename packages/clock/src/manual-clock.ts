import type { Clock, Timer } from "./clock.ts";

/** A clock that stands still until it is moved: for tests, and for swarms in virtual time. */
export class ManualClock implements Clock {
  #now: number;
  #timers: ManualTimer[] = [];

  constructor(now = 1_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#set({ at: this.#now + Math.max(0, delayMs), fn, periodMs: undefined });
  }

  every(periodMs: number, fn: () => void): Timer {
    return this.#set({ at: this.#now + periodMs, fn, periodMs });
  }

  /** Moves on by `ms`, calling what falls due on the way at its own time, in order. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      const next = this.#earliest();
      if (!next || next.at > until) break;
      this.#now = Math.max(this.#now, next.at);
      if (next.periodMs === undefined) this.#cancel(next);
      else next.at += next.periodMs;
      next.fn();
    }
    this.#now = until;
  }

  /** In how many milliseconds the next timer is due; undefined when none is set. */
  get nextInMs(): number | undefined {
    const next = this.#earliest();
    return next && Math.max(0, next.at - this.#now);
  }

  /** Of timers due at the same time the one set first. */
  #earliest(): ManualTimer | undefined {
    let earliest: ManualTimer | undefined;
    for (const timer of this.#timers) if (!earliest || timer.at < earliest.at) earliest = timer;
    return earliest;
  }

  #set(timer: ManualTimer): Timer {
    this.#timers.push(timer);
    return { cancel: () => this.#cancel(timer) };
  }

  #cancel(timer: ManualTimer): void {
    this.#timers = this.#timers.filter((other) => other !== timer);
  }
}

interface ManualTimer {
  at: number;
  readonly fn: () => void;
  readonly periodMs: number | undefined;
}
