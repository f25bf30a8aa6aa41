/**
 * Whole pieces read lately or just written, for the uploads: a piece goes to several peers at about the same time, and
 * 64 requests for its blocks should cost one read. Least recently used first out; shared by all torrents.
 */
export class PieceCache {
  readonly #mostBytes: number;
  readonly #pieces = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array>>();
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

  put(key: string, piece: Uint8Array): void {
    this.delete(key);
    this.#pieces.set(key, piece);
    this.#bytes += piece.length;
    for (const [oldest, bytes] of this.#pieces) {
      // The piece just put stays even if it is larger than all the cache.
      if (this.#bytes <= this.#mostBytes || oldest === key) break;
      this.#pieces.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }

  delete(key: string): void {
    const piece = this.#pieces.get(key);
    if (!piece) return;
    this.#pieces.delete(key);
    this.#bytes -= piece.length;
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
}
