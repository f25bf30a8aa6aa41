import { freeBuffer, isWhole } from "../free-bytes.ts";

/**
 * Pieces read lately or just written, and sections of long ones, for the uploads: a piece goes to several peers at about the same time, and
 * 64 requests for its blocks should cost one read. Least recently used first out, and its memory freed at once; shared by all torrents.
 */
export class PieceCache {
  readonly #mostBytes: number;
  readonly #pieces = new Map<string, Uint8Array>();
  readonly #loading = new Map<string, Promise<Uint8Array>>();
  /** Of each buffer, how many blocks are on their way out. */
  readonly #lent = new WeakMap<ArrayBufferLike, number>();
  /** Forgotten while blocks of them were on their way, or never kept. */
  readonly #leaving = new WeakSet<ArrayBufferLike>();
  #bytes = 0;
  #owners = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** What the keys of one torrent begin with, and no others: short, for they are made, and looked up, for each block. */
  nameOwner(): string {
    return `${++this.#owners}:`;
  }

  get(key: string): Uint8Array | undefined {
    const piece = this.#pieces.get(key);
    if (!piece) return undefined;
    this.#pieces.delete(key);
    this.#pieces.set(key, piece);
    return piece;
  }

  /**
   * Part of a piece: until what is returned is called its bytes stay, though the piece may not. A piece of which a part is not given back is
   * left to the collector.
   */
  lend({ buffer }: Uint8Array): () => void {
    this.#lent.set(buffer, (this.#lent.get(buffer) ?? 0) + 1);
    return () => this.#giveBack(buffer);
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

  /** The bytes are not kept: once they were lent, and are given back, they are freed. */
  passes({ buffer }: Uint8Array): void {
    this.#leaving.add(buffer);
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

  #giveBack(buffer: ArrayBufferLike): void {
    const lent = (this.#lent.get(buffer) ?? 0) - 1;
    if (lent > 0) this.#lent.set(buffer, lent);
    else {
      this.#lent.delete(buffer);
      if (this.#leaving.delete(buffer)) freeBuffer(buffer);
    }
  }

  #free(piece: Uint8Array): void {
    const { buffer } = piece;
    if (!isWhole(piece)) return;
    if (this.#lent.has(buffer)) this.#leaving.add(buffer);
    else freeBuffer(buffer);
  }
}
