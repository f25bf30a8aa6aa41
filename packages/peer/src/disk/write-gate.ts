/** Lets writes run side by side, and something else only while none of them does. */
export class WriteGate {
  #alone: Promise<unknown> | undefined;
  readonly #writes = new Set<Promise<unknown>>();

  /** Does something run alone, or wait for that? */
  get isHeld(): boolean {
    return this.#alone !== undefined;
  }

  /** Begins at once unless something runs alone. */
  async write(task: () => Promise<void>): Promise<void> {
    while (this.#alone) await this.#alone;
    const running = task();
    this.#writes.add(running);
    try {
      await running;
    } finally {
      this.#writes.delete(running);
    }
  }

  /** Begins when all that was begun before has ended, however; what comes after it waits. */
  async alone(task: () => Promise<void>): Promise<void> {
    const running = Promise.allSettled([this.#alone, ...this.#writes]).then(task);
    const ended = Promise.allSettled([running]);
    this.#alone = ended;
    await ended;
    if (this.#alone === ended) this.#alone = undefined;
    await running;
  }
}
