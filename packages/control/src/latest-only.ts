/** Runs one task, never twice at a time. Who asks while it runs waits for a run that begins afterwards, together with all others that do. */
export class LatestOnly {
  readonly #task: () => Promise<void>;
  #running: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(task: () => Promise<void>) {
    this.#task = task;
  }

  /** Resolves when a run has ended that began after the call; rejects if that failed. */
  run(): Promise<void> {
    this.#next ??= this.#after(this.#running);
    return this.#next;
  }

  async #after(earlier: Promise<void>): Promise<void> {
    // Whoever waits for that one hears why it failed.
    await earlier.catch(() => undefined);
    this.#next = undefined;
    this.#running = this.#task();
    await this.#running;
  }
}
