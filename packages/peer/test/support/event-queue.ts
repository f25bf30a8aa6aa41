/** What happened, in order, for a test that waits for it. */
export class EventQueue<T> {
  readonly #events: T[] = [];
  readonly #waiting: ((event: T) => void)[] = [];

  push(event: T): void {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(event);
    else this.#events.push(event);
  }

  next(): Promise<T> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve(event);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many happened that nobody took. */
  get size(): number {
    return this.#events.length;
  }
}

/** Resolves when everything that already resolved has had its consequences. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
