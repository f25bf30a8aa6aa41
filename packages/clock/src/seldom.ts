import type { Clock, Timer } from "./clock.ts";

/** So long a kind of occurrence that was told of is only counted. */
const QUIET_MS = 60_000;

/** `count` occurrences since the last time it was told of them, and the latest. */
export interface Occurrences<T> {
  readonly count: number;
  readonly last: T;
}

interface Kind<T> {
  count: number;
  last: T;
  timer: Timer;
}

/**
 * Keeps strangers from filling the log: the first occurrence of a kind is told of at once, later ones together, once a
 * minute. Kinds must be few: each is remembered until a minute passes without it.
 */
export class Seldom<T> {
  readonly #clock: Clock;
  readonly #tell: (kind: string, occurrences: Occurrences<T>) => void;
  readonly #kinds = new Map<string, Kind<T>>();
  #isStopped = false;

  constructor(clock: Clock, tell: (kind: string, occurrences: Occurrences<T>) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Was it told of at once? False when it is only counted; once stopped, not even that. */
  add(name: string, last: T): boolean {
    if (this.#isStopped) return false;
    const kind = this.#kinds.get(name);
    if (kind) {
      kind.count++;
      kind.last = last;
      return false;
    }
    this.#kinds.set(name, { count: 0, last, timer: this.#afterQuiet(name) });
    this.#tell(name, { count: 1, last });
    return true;
  }

  /** Tells of what was only counted so far. */
  stop(): void {
    this.#isStopped = true;
    for (const [name, kind] of this.#kinds) {
      kind.timer.cancel();
      if (kind.count > 0) this.#tell(name, kind);
    }
    this.#kinds.clear();
  }

  #afterQuiet(name: string): Timer {
    return this.#clock.after(QUIET_MS, () => {
      const kind = this.#kinds.get(name);
      if (!kind) return;
      if (kind.count === 0) {
        this.#kinds.delete(name);
        return;
      }
      const { count, last } = kind;
      kind.count = 0;
      kind.timer = this.#afterQuiet(name);
      this.#tell(name, { count, last });
    });
  }
}
