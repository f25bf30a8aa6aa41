import { LIMITS } from "@cachetorrent/protocol";
import type { BlockSpan } from "../wire/block-request.ts";
import type { TorrentShape } from "../wire/frame-guard.ts";
import { Landing } from "../wire/landing.ts";
import type { BufferBudget } from "./buffer-budget.ts";

const BLOCK = LIMITS.peer.blockBytes;

/** Who a block came from, or was asked of; any value that is the same for the same peer. */
export type Source = object;

const NOBODY: readonly Source[] = [];

/** A piece that was begun: its buffer, and for each block who was asked and who sent it. */
export class ActivePiece {
  readonly piece: number;
  readonly buffer: Uint8Array;
  readonly bytes: number;
  readonly blockCount: number;
  /** When set, nobody else is asked: a bad copy then tells who lies. */
  readonly only: Source | undefined;
  /** The source of each block that arrived. */
  readonly sources: (Source | undefined)[];
  /** Those who were asked for a block and have not answered. */
  readonly #askedOf: (Source[] | undefined)[];
  /** What is on its way into the buffer, and which blocks it will be. */
  readonly #landings = new Map<Landing, { readonly block: number; readonly end: number }>();
  #freeCount: number;
  #missingCount: number;
  #firstFree = 0;

  /** `buffer`: for the bytes of the piece, and as long. */
  constructor(piece: number, buffer: Uint8Array, only?: Source) {
    this.piece = piece;
    this.only = only;
    this.buffer = buffer;
    this.bytes = buffer.length;
    this.blockCount = Math.ceil(this.bytes / BLOCK);
    this.sources = new Array<Source | undefined>(this.blockCount).fill(undefined);
    this.#askedOf = new Array<Source[] | undefined>(this.blockCount).fill(undefined);
    this.#freeCount = this.blockCount;
    this.#missingCount = this.blockCount;
  }

  /** Blocks that neither arrived nor are asked of anybody. */
  get freeCount(): number {
    return this.#freeCount;
  }

  get isComplete(): boolean {
    return this.#missingCount === 0;
  }

  /** Blocks that arrived. */
  get receivedCount(): number {
    return this.blockCount - this.#missingCount;
  }

  get isIdle(): boolean {
    return this.#freeCount === this.#missingCount;
  }

  mayAsk(source: Source): boolean {
    return this.only === undefined || this.only === source;
  }

  /** The first free block, or undefined. */
  nextFree(): number | undefined {
    for (let block = this.#firstFree; block < this.blockCount; block++) {
      if (!this.sources[block] && !this.#askedOf[block]) {
        this.#firstFree = block;
        return block;
      }
    }
    this.#firstFree = this.blockCount;
    return undefined;
  }

  /** How many blocks are free from `block` on, which is, `most` at most. */
  freeFrom(block: number, most: number): number {
    const end = Math.min(block + most, this.blockCount);
    let next = block + 1;
    while (next < end && !this.sources[next] && !this.#askedOf[next]) next++;
    return next - block;
  }

  /** Are these blocks all there? */
  hasAll({ block, blocks }: BlockSpan): boolean {
    for (let at = block; at < block + blocks; at++) if (!this.sources[at]) return false;
    return true;
  }

  /** A block under way that fewer than `most` were asked for, and not `source`: for the endgame. */
  nextToRepeat(source: Source, most: number): number | undefined {
    for (let block = 0; block < this.blockCount; block++) {
      const asked = this.#askedOf[block];
      if (!this.sources[block] && asked && asked.length < most && !asked.includes(source)) return block;
    }
    return undefined;
  }

  asked(block: number, source: Source): void {
    const asked = this.#askedOf[block];
    if (asked) asked.push(source);
    else {
      this.#askedOf[block] = [source];
      this.#freeCount--;
    }
  }

  /** The source will not send the block. */
  released(block: number, source: Source): void {
    const asked = this.#askedOf[block];
    const at = asked?.indexOf(source) ?? -1;
    if (!asked || at < 0) return;
    asked.splice(at, 1);
    if (asked.length > 0) return;
    this.#askedOf[block] = undefined;
    if (this.sources[block]) return;
    this.#freeCount++;
    this.#firstFree = Math.min(this.#firstFree, block);
  }

  /**
   * The place of whole blocks, the first of them `block`, while their bytes come: they are to be told by `received` when all are there. Undefined
   * where one of them is there, or on its way.
   */
  land(block: number, length: number): Landing | undefined {
    const end = block + Math.ceil(length / BLOCK);
    for (let at = block; at < end; at++) if (this.sources[at]) return undefined;
    for (const [landing, other] of this.#landings) {
      if (!landing.isInPlace) this.#landings.delete(landing);
      else if (other.block < end && block < other.end) return undefined;
    }
    const landing = new Landing(this.buffer.subarray(block * BLOCK, block * BLOCK + length));
    this.#landings.set(landing, { block, end });
    return landing;
  }

  /** The buffer is somebody else's from now on, or will be: nothing more may come into it by itself. */
  endLandings(): void {
    for (const landing of this.#landings.keys()) landing.takeBack();
    this.#landings.clear();
  }

  /**
   * Stores whole blocks, the first of them `block`: those that are new. Returns the others who were asked for these and can be told to stop, or
   * undefined when none is new.
   */
  received(block: number, bytes: Uint8Array, source: Source): readonly Source[] | undefined {
    const blocks = Math.ceil(bytes.length / BLOCK);
    if (bytes.length !== Math.min(blocks * BLOCK, this.bytes - block * BLOCK)) return undefined;
    const end = block + blocks;
    let fresh = 0;
    for (let at = block; at < end; at++) if (!this.sources[at]) fresh++;
    if (fresh === 0) return undefined;
    this.#clearPlace(block, end, bytes);
    if (fresh === blocks && !this.#isInPlace(block, bytes)) this.buffer.set(bytes, block * BLOCK);
    let others: Set<Source> | undefined;
    for (let at = block; at < end; at++) {
      if (this.sources[at]) continue;
      if (fresh < blocks) this.#copy(at, bytes, block);
      for (const one of this.#took(at, source)) if (one !== source) others = (others ?? new Set()).add(one);
    }
    return others ? [...others] : NOBODY;
  }

  /** Nobody else's bytes come to where these are from now on. */
  #clearPlace(block: number, end: number, bytes: Uint8Array): void {
    for (const [landing, other] of this.#landings) {
      if (other.block >= end || block >= other.end) continue;
      if (landing.bytes !== bytes) landing.takeBack();
      this.#landings.delete(landing);
    }
  }

  #isInPlace(block: number, { buffer, byteOffset }: Uint8Array): boolean {
    return buffer === this.buffer.buffer && byteOffset === this.buffer.byteOffset + block * BLOCK;
  }

  #copy(block: number, bytes: Uint8Array, first: number): void {
    const from = (block - first) * BLOCK;
    this.buffer.set(bytes.subarray(from, from + BLOCK), block * BLOCK);
  }

  /** Returns who was asked for the block. */
  #took(block: number, source: Source): readonly Source[] {
    const asked = this.#askedOf[block];
    if (!asked) this.#freeCount--;
    this.#askedOf[block] = undefined;
    this.sources[block] = source;
    this.#missingCount--;
    return asked ?? NOBODY;
  }
}

/** The pieces under way. Bounded: a piece is begun only when there is room for its buffer. */
export class BlockBook {
  readonly #shape: TorrentShape;
  readonly #budget: BufferBudget;
  readonly #whenRoom: () => void;
  readonly #active = new Map<number, ActivePiece>();
  /** Those with a free block: in a torrent of small pieces most pieces under way have none. */
  readonly #withFree = new Map<number, ActivePiece>();
  #isFull = false;

  /** `whenRoom`: a piece may be begun again for which there was no room. It must not begin one before it returns. */
  constructor(shape: TorrentShape, budget: BufferBudget, whenRoom: () => void = () => undefined) {
    this.#shape = shape;
    this.#budget = budget;
    this.#whenRoom = () => {
      this.#isFull = false;
      whenRoom();
    };
  }

  /**
   * No piece can be begun, and nothing has changed since that was found out: there is nothing to be thought about. Asked for each block that comes.
   */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whatever was found out may be otherwise by now. */
  lookAgain(): void {
    this.#isFull = false;
  }

  get size(): number {
    return this.#active.size;
  }

  get(piece: number): ActivePiece | undefined {
    return this.#active.get(piece);
  }

  /** All pieces under way, in the order they were begun. */
  active(): IterableIterator<ActivePiece> {
    return this.#active.values();
  }

  /** Those of which a block can be asked for. */
  withFree(): IterableIterator<ActivePiece> {
    return this.#withFree.values();
  }

  /** Begins a piece, from one source `only` if given; undefined when there is no room for its buffer. */
  begin(piece: number, only?: Source): ActivePiece | undefined {
    const size = this.#shape.pieceSize(piece);
    const buffer = this.#budget.take(size, this.#whenRoom, this.#active.size === 0);
    this.#isFull = !buffer;
    if (!buffer) return undefined;
    const active = new ActivePiece(piece, buffer, only);
    this.#active.set(piece, active);
    this.#withFree.set(piece, active);
    return active;
  }

  /** `blocks` of them from `block` on were asked of the source, in one request. */
  asked(active: ActivePiece, block: number, source: Source, blocks = 1): void {
    for (let at = block; at < block + blocks; at++) active.asked(at, source);
    if (active.freeCount === 0) this.#withFree.delete(active.piece);
  }

  /** The source will not send these. */
  released({ block, blocks, piece }: BlockSpan, source: Source): void {
    const active = this.#active.get(piece);
    if (!active) return;
    for (let at = block; at < block + blocks; at++) active.released(at, source);
    // It may be idle now, and given up for another one.
    this.#isFull = false;
    if (active.freeCount > 0) this.#withFree.set(piece, active);
  }

  received(
    active: ActivePiece,
    block: number,
    bytes: Uint8Array,
    source: Source,
  ): readonly Source[] | undefined {
    const others = active.received(block, bytes, source);
    if (active.freeCount === 0) this.#withFree.delete(active.piece);
    return others;
  }

  /** The piece is written, or bad: its buffer is given back. `isFree`: nobody else holds that. */
  end(piece: number, isFree = false): void {
    const active = this.#active.get(piece);
    if (!active) return;
    active.endLandings();
    this.#active.delete(piece);
    this.#withFree.delete(piece);
    this.#isFull = false;
    // The buffer may be somebody else's by now, and freed.
    this.#budget.give(active.bytes, isFree ? active.buffer : undefined);
  }

  /**
   * The piece that lies still and has least to lose, to make room for one that can go on: without this, pieces whose
   * only holders left or choke us would keep the buffers for ever.
   */
  idlest(): ActivePiece | undefined {
    let idlest: ActivePiece | undefined;
    for (const active of this.#active.values()) {
      if (active.isComplete || !active.isIdle) continue;
      if (!idlest || active.receivedCount < idlest.receivedCount) idlest = active;
    }
    return idlest;
  }
}
