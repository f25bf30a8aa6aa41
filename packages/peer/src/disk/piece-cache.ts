import { freeBytes } from "../free-bytes.ts";

/**
 * Whole pieces read lately or just written, for the uploads: a piece goes to several peers at about the same time, and
 * 64 requests for its blocks should cost one read. Least recently used first out, and its memory freed at once; shared by all torrents.
 */
export class PieceCache {
  readonly #mostBytes: number;
  readonly #pieces = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array>>();
  /** How many blocks of each are on their way out. */
  readonly #lent = new WeakMap<Uint8Array, number>();
  /** Forgotten while blocks of them were on their way. */
  readonly #leaving = new WeakSet<Uint8Array>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  get(key: string): Uint8Array | undefined {
    const piece = this.#pieces.get(key);
    if (!piece) return undefined;
    this.#pieces.delete(key);
    this.#pieces.set(key, piece);
    return piece;
  }

  /** Until what is returned is called the bytes stay, though the piece may not. A piece that is not given back is left to the collector. */
  lend(piece: Uint8Array): () => void {
    this.#lent.set(piece, (this.#lent.get(piece) ?? 0) + 1);
    return () => this.#giveBack(piece);
  }

  /** From now on the piece is the cache's own: nobody else may hold on to its bytes. */
  put(key: string, piece: Uint8Array): void {
    if (this.get(key) === piece) return;
    this.delete(key);
    this.#pieces.set(key, piece);
    this.#bytes += piece.length;
    for (const [oldest, bytes] of this.#pieces) {
      // The piece just put stays even if it is larger than all the cache.
      if (this.#bytes <= this.#mostBytes || oldest === key) break;
      this.#remove(oldest, bytes);
      this.#free(bytes);
    }
  }

  delete(key: string): void {
    const piece = this.#pieces.get(key);
    if (!piece) return;
    this.#remove(key, piece);
    this.#free(piece);
  }

  /** Reads a piece once, however many ask for it meanwhile. */
  load(key: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const loading = this.#loading.get(key);
    if (loading) return loading;
    const started = read()
      .then((piece) => {
        this.put(key, piece);
        return piece;
      })
      .finally(() => this.#loading.delete(key));
    this.#loading.set(key, started);
    return started;
  }

  #remove(key: string, piece: Uint8Array): void {
    this.#pieces.delete(key);
    this.#bytes -= piece.length;
  }

  #giveBack(piece: Uint8Array): void {
    const lent = (this.#lent.get(piece) ?? 0) - 1;
    if (lent > 0) this.#lent.set(piece, lent);
    else {
      this.#lent.delete(piece);
      if (this.#leaving.delete(piece)) freeBytes(piece);
    }
  }

  #free(piece: Uint8Array): void {
    if (this.#lent.has(piece)) this.#leaving.add(piece);
    else freeBytes(piece);
  }
}
