/**
 * A set of piece indices below a fixed count, stored as a BitTorrent bitfield: most significant bit first. What is no piece of the
 * torrent is never in it.
 */
export class PieceSet implements Iterable<number> {
  readonly pieceCount: number;
  readonly #bits: Uint8Array;
  #size = 0;

  constructor(pieceCount: number) {
    this.pieceCount = pieceCount;
    this.#bits = new Uint8Array(Math.ceil(pieceCount / 8));
  }

  static full(pieceCount: number): PieceSet {
    const set = new PieceSet(pieceCount);
    set.#bits.fill(0xff);
    if (pieceCount & 7) set.#bits[set.#bits.length - 1] = (0xff00 >> (pieceCount & 7)) & 0xff;
    set.#size = pieceCount;
    return set;
  }

  /** From a wire bitfield, or undefined when its length is wrong or a spare bit is set (BEP 3). */
  static fromBitfield(bytes: Uint8Array, pieceCount: number): PieceSet | undefined {
    const set = new PieceSet(pieceCount);
    if (bytes.length !== set.#bits.length) return undefined;
    const spare = bytes.length * 8 - pieceCount;
    if (spare > 0 && ((bytes.at(-1) ?? 0) & ((1 << spare) - 1)) !== 0) return undefined;
    set.#bits.set(bytes);
    for (const byte of bytes) set.#size += ONES[byte] ?? 0;
    return set;
  }

  /** The same pieces in a set of its own. */
  copy(): PieceSet {
    const set = new PieceSet(this.pieceCount);
    set.#bits.set(this.#bits);
    set.#size = this.#size;
    return set;
  }

  /** How many pieces are in the set. */
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
    return ((this.#bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
  }

  /** False when it was in the set already, or is no piece. */
  add(piece: number): boolean {
    if (!this.isPiece(piece) || this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
    this.#size++;
    return true;
  }

  /** False when all of them were in the set already. */
  addAll(other: PieceSet): boolean {
    const before = this.#size;
    for (let i = 0; i < this.#bits.length; i++) {
      const mine = this.#bits[i] ?? 0;
      const both = mine | (other.#bits[i] ?? 0);
      this.#bits[i] = both;
      this.#size += (ONES[both] ?? 0) - (ONES[mine] ?? 0);
    }
    return this.#size > before;
  }

  /** False when the piece was not in the set. */
  delete(piece: number): boolean {
    if (!this.has(piece)) return false;
    this.#bits[piece >> 3] = (this.#bits[piece >> 3] ?? 0) & ~(0x80 >> (piece & 7));
    this.#size--;
    return true;
  }

  /** How many pieces are in this set and not in `other`. */
  countMissingFrom(other: PieceSet): number {
    let count = 0;
    for (let i = 0; i < this.#bits.length; i++) {
      count += ONES[(this.#bits[i] ?? 0) & ~(other.#bits[i] ?? 0) & 0xff] ?? 0;
    }
    return count;
  }

  /** Is a piece in this set that is in neither of the others? */
  hasBeyond(one: PieceSet, other: PieceSet): boolean {
    for (let i = 0; i < this.#bits.length; i++) {
      if (((this.#bits[i] ?? 0) & ~(one.#bits[i] ?? 0) & ~(other.#bits[i] ?? 0)) !== 0) return true;
    }
    return false;
  }

  /** Is a piece in both? */
  overlaps(other: PieceSet): boolean {
    for (let i = 0; i < this.#bits.length; i++) {
      if (((this.#bits[i] ?? 0) & (other.#bits[i] ?? 0)) !== 0) return true;
    }
    return false;
  }

  /** The pieces that are in this set and not in the other. */
  beyond(other: PieceSet): number[] {
    const pieces: number[] = [];
    for (let i = 0; i < this.#bits.length; i++) {
      const bits = (this.#bits[i] ?? 0) & ~(other.#bits[i] ?? 0);
      for (let bit = 0; bits !== 0 && bit < 8; bit++)
        if ((bits & (0x80 >> bit)) !== 0) pieces.push(i * 8 + bit);
    }
    return pieces;
  }

  /** Takes over a part of a bitfield, whose bit 0 is piece `from`. True when a piece went out by it. */
  overwrite(bits: Uint8Array, from: number): boolean {
    let isLost = false;
    const end = Math.min(this.pieceCount, from + bits.length * 8);
    // From 0 on: counting up from -1e16 would never get anywhere.
    for (let piece = Math.max(0, Math.floor(from)); piece < end; piece++) {
      const at = piece - from;
      const isIn = ((bits[at >> 3] ?? 0) & (0x80 >> (at & 7))) !== 0;
      if (isIn) this.add(piece);
      else if (this.delete(piece)) isLost = true;
    }
    return isLost;
  }

  /** A copy, as a wire bitfield. */
  toBitfield(): Uint8Array {
    return this.#bits.slice();
  }

  /** As the walk with `for`, and without its object for each piece: for where all pieces of every connection are looked at. */
  each(visit: (piece: number) => void): void {
    for (let at = 0; at < this.#bits.length; at++) {
      if (this.#bits[at] === 0) continue;
      for (let bit = 0; bit < 8; bit++)
        if (((this.#bits[at] ?? 0) & (0x80 >> bit)) !== 0) visit(at * 8 + bit);
    }
  }

  /** In order; what comes and goes while it is walked through counts from where the walk is. */
  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#bits.length; at++) {
      // Of a large torrent most peers hold little at first.
      if (this.#bits[at] === 0) continue;
      for (let bit = 0; bit < 8; bit++) if (((this.#bits[at] ?? 0) & (0x80 >> bit)) !== 0) yield at * 8 + bit;
    }
  }
}

/** The number of ones in each byte. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll("0", "").length);
