const WINDOW_MS = 1000;

/** How many are served in a second: those of the second before, or of this one, if they are more by now. */
export class Takers<T> {
  readonly #now = new Set<T>();
  #before = 0;
  #until = Number.NEGATIVE_INFINITY;

  get count(): number {
    return Math.max(this.#before, this.#now.size);
  }

  /** It was served. `now`: milliseconds. */
  served(taker: T, now: number): void {
    if (now >= this.#until) {
      this.#before = now < this.#until + WINDOW_MS ? this.#now.size : 0;
      this.#now.clear();
      this.#until = now + WINDOW_MS;
    }
    this.#now.add(taker);
  }
}
