const REST_LEAST_MS = 1000;
const REST_MOST_MS = 64_000;

/** The time for which something is not tried again that went wrong: twice as long each time that it soon does so again. Times are milliseconds. */
export class Rest {
  #lengthMs = REST_LEAST_MS;
  #until = Number.NEGATIVE_INFINITY;

  static endless(): Rest {
    const rest = new Rest();
    rest.#until = Number.POSITIVE_INFINITY;
    return rest;
  }

  isOver(now: number): boolean {
    return now >= this.#until;
  }

  begin(now: number): void {
    const isSoonAgain = now - this.#until < this.#lengthMs;
    this.#lengthMs = isSoonAgain ? Math.min(2 * this.#lengthMs, REST_MOST_MS) : REST_LEAST_MS;
    this.#until = now + this.#lengthMs;
  }
}
