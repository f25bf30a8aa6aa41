/** How many bytes of piece buffers a process may hold. Shared by all its torrents. */
export class BufferBudget {
  readonly #most: number;
  #used = 0;

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /** `insist` takes the bytes even over the budget: every torrent may always have one piece under way. */
  take(bytes: number, insist = false): boolean {
    if (!insist && this.#used + bytes > this.#most) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
