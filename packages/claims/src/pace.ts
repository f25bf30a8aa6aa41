/** So many of the latest are looked at. */
const REMEMBERED = 32;

/** How fast pieces have come to us lately, from wherever it was. */
export class Pace {
  readonly #times: number[] = [];

  /** A piece is ours. */
  came(now: number): void {
    this.#times.push(now);
    if (this.#times.length > REMEMBERED) this.#times.shift();
  }

  /**
   * How long so many more take; 0 as long as there is nothing to tell it from. The time since the last one does not count: else
   * whoever gets nothing any more would be the more patient the longer that lasts.
   */
  timeForMs(pieces: number): number {
    const [first] = this.#times;
    const last = this.#times.at(-1);
    if (first === undefined || last === undefined || this.#times.length < 2) return 0;
    return (pieces * (last - first)) / (this.#times.length - 1);
  }
}
