/** Resolves once it was counted to a number, which may be named later. */
export class Countdown {
  readonly #done = Promise.withResolvers<void>();
  #counted = 0;
  #of = Number.POSITIVE_INFINITY;

  of(count: number): Promise<void> {
    this.#of = count;
    this.#check();
    return this.#done.promise;
  }

  count(): void {
    this.#counted++;
    this.#check();
  }

  #check(): void {
    if (this.#counted >= this.#of) this.#done.resolve();
  }
}
