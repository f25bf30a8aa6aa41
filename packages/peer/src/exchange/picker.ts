import { type Random, randomBelow } from "@cachetorrent/clock";
import { PieceSet } from "@cachetorrent/protocol";

export interface PieceRanks {
  /** Of each piece. */
  readonly of: Uint8Array;
  /** Those that are to be picked, highest first. */
  readonly inUse: readonly number[];
}

/**
 * Of pieces that are equally rare so many are looked at for one that the other side holds. With one seed, what a leecher holds is never among
 * the rarest: without a bound each of its pieces would cost a walk through all those that only the seed has.
 */
const LOOKS_A_BUCKET = 1000;

/**
 * Which piece to begin next: of those of the highest rank the rarest (BEP 3), ties at random, or in sequential order the first.
 *
 * The pieces that are still to be begun stand in one array ordered by availability; each level of availability is a
 * run of it. A `have` moves a piece over one border, so it costs the same in a torrent of a thousand pieces and of a
 * million.
 */
export class Picker {
  readonly #availability: Uint32Array;
  /** The open pieces, rarest first. */
  readonly #order: Uint32Array;
  /** Where each piece stands in `#order`; -1 when it is not open. */
  readonly #place: Int32Array;
  /** The same pieces as a set: whether a peer holds any of them is asked more often than which. */
  readonly #open: PieceSet;
  /** `#runStart[a]`: where pieces of availability >= a begin. */
  readonly #runStart: number[] = [0];
  #openCount = 0;
  /** No piece before it is open. */
  #firstOpen = 0;
  readonly #random: Random;
  readonly #isSequential: boolean;
  /** Where pieces have ranks: of each piece, and those that there are, highest first. */
  #ranks: PieceRanks | undefined;

  /** Begins with every piece open and held by nobody. */
  constructor(pieceCount: number, random: Random, isSequential = false) {
    this.#availability = new Uint32Array(pieceCount);
    this.#order = Uint32Array.from({ length: pieceCount }, (_, piece) => piece);
    this.#place = Int32Array.from({ length: pieceCount }, (_, piece) => piece);
    this.#open = PieceSet.full(pieceCount);
    this.#openCount = pieceCount;
    this.#random = random;
    this.#isSequential = isSequential;
  }

  /** From now on pieces of a higher rank are picked before all others; undefined where all are alike. */
  rank(ranks: PieceRanks | undefined): void {
    this.#ranks = ranks;
  }

  /** Are some pieces to come before others, whoever holds them? */
  get hasOrder(): boolean {
    return this.#isSequential || this.#ranks !== undefined;
  }

  /** How many pieces are neither held nor begun. */
  get openCount(): number {
    return this.#openCount;
  }

  availability(piece: number): number {
    return this.#availability[piece] ?? 0;
  }

  /** A peer that holds these pieces came. */
  joined(pieces: PieceSet): void {
    pieces.each((piece) => this.gained(piece));
  }

  /** A peer that held these pieces left. */
  left(pieces: PieceSet): void {
    pieces.each((piece) => this.lost(piece));
  }

  /** One more peer holds the piece. */
  gained(piece: number): void {
    const from = this.availability(piece);
    this.#availability[piece] = from + 1;
    if (this.isOpen(piece)) this.#shiftUp(piece, from);
  }

  /** One peer less holds the piece. */
  lost(piece: number): void {
    const from = this.availability(piece);
    if (from === 0) throw new RangeError(`piece ${piece} is held by nobody`);
    this.#availability[piece] = from - 1;
    if (this.isOpen(piece)) this.#shiftDown(piece, from);
  }

  /** The piece is begun or held: it is not picked any more. */
  close(piece: number): void {
    if (!this.isOpen(piece)) return;
    // Up through all runs to the end of the order, and off it.
    for (let level = this.availability(piece); level < this.#runStart.length - 1; level++)
      this.#shiftUp(piece, level);
    this.#openCount--;
    this.#swap(this.#placeOf(piece), this.#openCount);
    this.#place[piece] = -1;
    this.#open.delete(piece);
  }

  /** The piece is to be picked again: its blocks were lost or bad. */
  open(piece: number): void {
    if (this.isOpen(piece)) return;
    this.#firstOpen = Math.min(this.#firstOpen, piece);
    this.#reachLevel(this.availability(piece));
    this.#order[this.#openCount] = piece;
    this.#place[piece] = this.#openCount;
    this.#open.add(piece);
    this.#openCount++;
    for (let level = this.#runStart.length - 1; level > this.availability(piece); level--)
      this.#shiftDown(piece, level);
  }

  /** The open pieces that nobody holds. */
  unheld(): number[] {
    return [...this.#order.subarray(0, this.#startOf(1))];
  }

  /** The open pieces that at least one and at most `most` hold. */
  scarce(most: number): number[] {
    return [...this.#order.subarray(this.#startOf(1), this.#startOf(most + 1))];
  }

  /** The best open piece that `holds` and `mayRequest` both allow, or undefined. */
  pick(holds: PieceSet, mayRequest: (piece: number) => boolean): number | undefined {
    if (!holds.overlaps(this.#open)) return undefined;
    if (!this.#ranks) return this.#pickAmong(holds, mayRequest);
    const { of, inUse } = this.#ranks;
    for (const rank of inUse) {
      const piece = this.#pickAmong(holds, (one) => of[one] === rank && mayRequest(one));
      if (piece !== undefined) return piece;
    }
    return undefined;
  }

  #pickAmong(holds: PieceSet, mayRequest: (piece: number) => boolean): number | undefined {
    return this.#isSequential ? this.#first(holds, mayRequest) : this.#rarest(holds, mayRequest);
  }

  #first(holds: PieceSet, mayRequest: (piece: number) => boolean): number | undefined {
    while (this.#firstOpen < this.#place.length && !this.isOpen(this.#firstOpen)) this.#firstOpen++;
    for (let piece = this.#firstOpen; piece < this.#place.length; piece++) {
      if (this.isOpen(piece) && holds.has(piece) && mayRequest(piece)) return piece;
    }
    return undefined;
  }

  #rarest(holds: PieceSet, mayRequest: (piece: number) => boolean): number | undefined {
    const accepts = (piece: number): boolean => holds.has(piece) && mayRequest(piece);
    let isCutShort = false;
    // Nobody we know holds the run of availability 0.
    for (let level = 1; level < this.#runStart.length; level++) {
      const start = this.#startOf(level);
      const bucket = this.#order.subarray(start, this.#startOf(level + 1));
      if (bucket.length === 0) continue;
      const piece = this.selectBucket(bucket, level, accepts);
      if (piece !== undefined) return piece;
      isCutShort ||= bucket.length > LOOKS_A_BUCKET;
    }
    return isCutShort ? this.#rarestHeld(holds, accepts) : undefined;
  }

  /** As `#rarest`, by all that the other side holds: for one that has next to nothing for us. */
  #rarestHeld(holds: PieceSet, accepts: (piece: number) => boolean): number | undefined {
    let least = Number.POSITIVE_INFINITY;
    let bucket: number[] = [];
    for (const piece of holds) {
      const availability = this.availability(piece);
      if (availability === 0 || availability > least || !this.isOpen(piece) || !accepts(piece)) continue;
      if (availability < least) bucket = [];
      least = availability;
      bucket.push(piece);
    }
    return bucket.length === 0 ? undefined : this.selectBucket(Uint32Array.from(bucket), least, accepts);
  }

  /** A piece of the bucket, the open pieces of one availability, that `accepts`: at random. Of a large one some are looked at. */
  protected selectBucket(
    bucket: Uint32Array,
    _availability: number,
    accepts: (piece: number) => boolean,
  ): number | undefined {
    const first = randomBelow(this.#random, bucket.length);
    for (let i = 0; i < Math.min(bucket.length, LOOKS_A_BUCKET); i++) {
      const piece = bucket[(first + i) % bucket.length] as number;
      if (accepts(piece)) return piece;
    }
    return undefined;
  }

  /** Moves the piece from the run of `level` to the next one. */
  #shiftUp(piece: number, level: number): void {
    this.#reachLevel(level + 1);
    const last = this.#startOf(level + 1) - 1;
    this.#swap(this.#placeOf(piece), last);
    this.#runStart[level + 1] = last;
  }

  /** Moves the piece from the run of `level` to the one before. */
  #shiftDown(piece: number, level: number): void {
    const start = this.#startOf(level);
    this.#swap(this.#placeOf(piece), start);
    this.#runStart[level] = start + 1;
  }

  #startOf(level: number): number {
    return this.#runStart[level] ?? this.#openCount;
  }

  #reachLevel(level: number): void {
    while (this.#runStart.length <= level) this.#runStart.push(this.#openCount);
  }

  /** Is the piece neither held nor begun? */
  isOpen(piece: number): boolean {
    return this.#placeOf(piece) >= 0;
  }

  #placeOf(piece: number): number {
    return this.#place[piece] ?? -1;
  }

  #swap(a: number, b: number): void {
    if (a === b) return;
    const pieceA = this.#order[a] as number;
    const pieceB = this.#order[b] as number;
    this.#order[a] = pieceB;
    this.#order[b] = pieceA;
    this.#place[pieceA] = b;
    this.#place[pieceB] = a;
  }
}
