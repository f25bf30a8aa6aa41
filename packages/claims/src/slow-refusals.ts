import { LIMITS } from "@cachetorrent/protocol";

/** Pieces remembered as refused to one member; of more, the first are forgotten. */
const PIECES_MOST = 1024;

/** Which pieces were refused to one slow member, and since when: none is for longer than `slowMs`. */
export class SlowRefusals {
  readonly #since = new Map<number, number>();

  get size(): number {
    return this.#since.size;
  }

  /** Is it to be refused now? */
  refuses(piece: number, now: number): boolean {
    const since = this.#since.get(piece);
    if (since !== undefined) return now - since < LIMITS.claims.slowMs;
    this.#since.set(piece, now);
    if (this.#since.size > PIECES_MOST) {
      const first = this.#since.keys().next();
      if (!first.done) this.#since.delete(first.value);
    }
    return true;
  }

  forget(piece: number): void {
    this.#since.delete(piece);
  }
}
