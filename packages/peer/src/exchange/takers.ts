const WINDOW_MS = 1000;

/** How many are served in a second: those of the second before, or of this one, if they are more by now. Times are milliseconds. */
export class Takers<T> {
  readonly #now = new Set<T>();
  #before = 0;
  #until = Number.NEGATIVE_INFINITY;

  count(now: number): number {
    this.#goOn(now);
    return Math.max(this.#before, this.#now.size);
  }

  served(taker: T, now: number): void {
    this.#goOn(now);
    this.#now.add(taker);
  }

  /** It is gone, and not to be held on to. */
  left(taker: T): void {
    this.#now.delete(taker);
  }

  #goOn(now: number): void {
    if (now < this.#until) return;
    this.#before = now < this.#until + WINDOW_MS ? this.#now.size : 0;
    this.#now.clear();
    this.#until = now + WINDOW_MS;
  }
}
