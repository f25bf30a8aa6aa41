import { freeBytes } from "../free-bytes.ts";

/** So many bytes of buffers that nobody uses are kept for the next pieces. */
const SPARE_BYTES = 8 * 1024 * 1024;

/** The piece buffers of a process, as many bytes as it may hold. Shared by all its torrents. */
export class BufferBudget {
  readonly #most: number;
  /** Left to the collector of garbage, which is in no hurry, they would take as much memory as those in use. */
  #spare: Uint8Array[] = [];
  #spareBytes = 0;
  #used = 0;
  /** Who was refused a buffer: told in turn, one for each that is given back. */
  readonly #waiting = new Set<() => void>();

  constructor(mostBytes: number) {
    this.#most = mostBytes;
  }

  get usedBytes(): number {
    return this.#used;
  }

  /**
   * A buffer of so many bytes, whatever stands in them; undefined where that would be too much: then `whenRoom` is called once, when it may
   * be tried again. `insist` takes it even over the budget: every torrent may always have one piece under way.
   */
  take(bytes: number, whenRoom: () => void, insist = false): Uint8Array | undefined {
    if (!insist && this.#used + bytes > this.#most) {
      this.#waiting.add(whenRoom);
      return undefined;
    }
    this.#used += bytes;
    const at = this.#spare.findIndex(({ length }) => length === bytes);
    const [spare] = at < 0 ? [] : this.#spare.splice(at, 1);
    if (spare) {
      this.#spareBytes -= bytes;
      return spare;
    }
    // Those of another size are in the way.
    if (this.#used + this.#spareBytes > this.#most) this.#dropSpare();
    return Buffer.allocUnsafeSlow(bytes);
  }

  /** So many bytes are used no more. `spare`: their buffer, if nobody else holds it, or will ever look at it again. */
  give(bytes: number, spare?: Uint8Array): void {
    this.#used -= bytes;
    this.#tellNext();
    // Nothing is fetched: what is kept would be kept for long.
    if (this.#used === 0) this.#dropSpare();
    if (!spare) return;
    if (this.#used > 0 && this.#spareBytes + bytes <= SPARE_BYTES) {
      this.#spare.push(spare);
      this.#spareBytes += bytes;
    } else freeBytes(spare);
  }

  #tellNext(): void {
    const [next] = this.#waiting;
    if (!next) return;
    this.#waiting.delete(next);
    next();
  }

  #dropSpare(): void {
    for (const spare of this.#spare) freeBytes(spare);
    this.#spare = [];
    this.#spareBytes = 0;
  }
}
