/** A set of pieces, as the bits of a BitTorrent bitfield. What is no piece is never in it. */
export class PieceMap implements Iterable<number> {
  readonly pieceCount: number;
  readonly #bits: Uint8Array;
  #size = 0;

  constructor(pieceCount: number) {
    this.pieceCount = pieceCount;
    this.#bits = new Uint8Array(Math.ceil(pieceCount / 8));
  }

  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size === this.pieceCount;
  }

  /** Is it a piece of this torrent at all? */
  isPiece(piece: number): boolean {
    return Number.isInteger(piece) && piece >= 0 && piece < this.pieceCount;
  }

  has(piece: number): boolean {
    return this.isPiece(piece) && ((this.#bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
  }

  /** False when it was in already, or is no piece. */
  add(piece: number): boolean {
    if (!this.isPiece(piece) || this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
    this.#size++;
    return true;
  }

  /** False when it was not in. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) & ~(0x80 >> (piece & 7));
    this.#size--;
    return true;
  }

  clear(): void {
    this.#bits.fill(0);
    this.#size = 0;
  }

  /** Takes over a part of another map, whose bit 0 is piece `from`. True when a piece went out by it. */
  overwrite(bits: Uint8Array, from: number): boolean {
    let lost = false;
    const end = Math.min(this.pieceCount, from + bits.length * 8);
    for (let piece = from; piece < end; piece++) {
      const at = piece - from;
      const isIn = ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0;
      if (isIn) this.add(piece);
      else if (this.delete(piece)) lost = true;
    }
    return lost;
  }

  /** The bits themselves, as they are from time to time. */
  get bits(): Uint8Array {
    return this.#bits;
  }

  /** A copy of the bits. */
  toBitfield(): Uint8Array {
    return this.#bits.slice();
  }

  *[Symbol.iterator](): Generator<number> {
    for (let piece = 0; piece < this.pieceCount; piece++) if (this.has(piece)) yield piece;
  }
}
