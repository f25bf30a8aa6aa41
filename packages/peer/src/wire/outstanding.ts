import { blocksOfKey } from "./block-request.ts";

/**
 * What we asked one peer for, by `requestKey`, until each request is answered. A request that was taken back may be
 * answered all the same, so it is remembered: its blocks count as asked for. Answers come in order, and so the first
 * one is about the oldest of equal requests.
 */
export class Outstanding {
  /** When each was sent; oldest first. */
  readonly #sentAt = new Map<number, number>();
  /** How many answers are due to requests taken back. */
  readonly #takenBack = new Map<number, number>();
  #lastBlockAt: number;
  #blocks = 0;

  constructor(now: number) {
    this.#lastBlockAt = now;
  }

  /** Requests that wait for their blocks. */
  get size(): number {
    return this.#sentAt.size;
  }

  /** The blocks of these. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Answers that are still to come, to requests that were taken back too. */
  get unanswered(): number {
    let count = this.#sentAt.size;
    for (const times of this.#takenBack.values()) count += times;
    return count;
  }

  waitsFor(key: number): boolean {
    return this.#sentAt.has(key);
  }

  keys(): number[] {
    return [...this.#sentAt.keys()];
  }

  asked(key: number, now: number): void {
    if (!this.#sentAt.has(key)) this.#blocks += blocksOfKey(key);
    this.#sentAt.set(key, now);
  }

  /** False when it does not wait. */
  takeBack(key: number): boolean {
    if (!this.#remove(key)) return false;
    this.#takenBack.set(key, (this.#takenBack.get(key) ?? 0) + 1);
    return true;
  }

  /** Its blocks came. False when nobody asked for them. */
  answered(key: number, now: number): boolean {
    if (!this.#remove(key) && !this.#answersTakenBack(key)) return false;
    this.#lastBlockAt = now;
    return true;
  }

  /** A reject came. True when it is about a request that waits, which is now free to be asked of others. */
  rejected(key: number): boolean {
    return !this.#answersTakenBack(key) && this.#remove(key);
  }

  /** None will be answered: they are dropped. Returns them. */
  dropAll(): number[] {
    const keys = this.keys();
    this.#sentAt.clear();
    this.#blocks = 0;
    return keys;
  }

  /** As `dropAll`, but blocks that are under way still count. */
  takeBackAll(): number[] {
    const keys = this.keys();
    for (const key of keys) this.takeBack(key);
    return keys;
  }

  /** Milliseconds that requests have been lying at the other side without a block coming. */
  waitingMs(now: number): number {
    // Asked of every connection a few times a second, and nothing is asked of most.
    if (this.#sentAt.size === 0) return 0;
    const [oldest] = this.#sentAt.values();
    return oldest === undefined ? 0 : now - Math.max(oldest, this.#lastBlockAt);
  }

  #remove(key: number): boolean {
    const waited = this.#sentAt.delete(key);
    if (waited) this.#blocks -= blocksOfKey(key);
    return waited;
  }

  #answersTakenBack(key: number): boolean {
    const times = this.#takenBack.get(key);
    if (times === undefined) return false;
    if (times > 1) this.#takenBack.set(key, times - 1);
    else this.#takenBack.delete(key);
    return true;
  }
}
