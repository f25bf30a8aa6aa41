/** So much of what was written last is taken to be in the kernel's memory still: in a swarm a piece is asked for within a second. */
const LATELY_BYTES = 128 * 1024 * 1024;

/** The pieces that were written last, up to so many bytes of them: the kernel still has them in memory. */
export class LatelyWritten {
  readonly #mostBytes: number;
  /** Of each its bytes; written longest ago first. */
  readonly #pieces = new Map<number, number>();
  #bytes = 0;

  constructor(mostBytes = LATELY_BYTES) {
    this.#mostBytes = mostBytes;
  }

  has(piece: number): boolean {
    return this.#pieces.has(piece);
  }

  add(piece: number, bytes: number): void {
    this.#remove(piece);
    this.#pieces.set(piece, bytes);
    this.#bytes += bytes;
    for (const oldest of this.#pieces.keys()) {
      if (this.#bytes <= this.#mostBytes) break;
      this.#remove(oldest);
    }
  }

  #remove(piece: number): void {
    this.#bytes -= this.#pieces.get(piece) ?? 0;
    this.#pieces.delete(piece);
  }
}
