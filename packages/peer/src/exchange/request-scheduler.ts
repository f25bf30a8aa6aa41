import { LIMITS } from "@cachetorrent/protocol";
import type { Throttle } from "../rates/throttle.ts";
import { BLOCKS_A_REQUEST } from "../wire/block-request.ts";
import type { Connection } from "../wire/connection.ts";
import type { ActivePiece, BlockBook } from "./block-book.ts";
import type { Picker } from "./picker.ts";

const BLOCK = LIMITS.peer.blockBytes;

/** How many peers may be asked for one block in the endgame: more costs bytes, fewer waits for the slowest. */
const ENDGAME_COPIES = 2;

/** What the scheduler must know of a connection, and the one thing it does to it. */
export type Giver = Pick<
  Connection,
  "isChoked" | "isOpen" | "isSilent" | "restsUntil" | "snubbed" | "wanted" | "theirs" | "downRate" | "request"
> & {
  readonly says: Pick<Connection["says"], "longestRequest" | "queueLength">;
  readonly outstanding: { readonly size: number; readonly blocks: number };
  readonly isWebSeed?: boolean;
};

export interface SchedulerParts<G extends Giver> {
  readonly picker: Picker;
  readonly book: BlockBook;
  /** The download limits for the connection: they pace requests, since sockets are never paused to shape. */
  throttle(connection: G): Pick<Throttle, "take" | "waitMs">;
  mayRequest(connection: G, piece: number): boolean;
  /** Under grants what may be asked of the connection now, in this order; undefined where `mayRequest` decides alone. */
  granted(connection: G): readonly number[] | undefined;
  /** Pieces of which a copy from several peers was bad. */
  suspects(): Iterable<number>;
  /** A download limit holds requests back for this long. */
  heldBack(waitMs: number): void;
}

/** Which blocks to ask of a connection, and how many ahead. */
export class RequestScheduler<G extends Giver> {
  readonly #parts: SchedulerParts<G>;
  /** The piece that was begun last with each web seed. */
  readonly #begunLast = new WeakMap<G, number>();

  constructor(parts: SchedulerParts<G>) {
    this.#parts = parts;
  }

  /** Blocks ahead: one second's worth, so that the pipe never runs dry. */
  depth(connection: G, now: number): number {
    if (connection.snubbed) return 1;
    const ahead = Math.ceil(connection.downRate.rate(now) / BLOCK);
    // What is beyond its queue it would reject.
    const most = Math.min(LIMITS.peer.requestDepthMost, connection.says.queueLength);
    return Math.min(most, Math.max(LIMITS.peer.requestDepthLeast, ahead));
  }

  /**
   * Blocks of one request: what comes of it in `longRequestMs`, if the other side answers longer ones than BEP 3 has. What a request costs on both
   * sides it costs once, whatever its length; and a slow peer is not asked for what others may give sooner.
   */
  blocksAtOnce(connection: G, now: number): number {
    const most = Math.floor(connection.says.longestRequest / BLOCK);
    if (most <= 1 || connection.snubbed) return 1;
    const bytes = (connection.downRate.rate(now) * LIMITS.peer.longRequestMs) / 1000;
    return Math.max(1, Math.min(most, Math.floor(bytes / BLOCK)));
  }

  /** Asks for blocks up to the depth, in one batch once half of it is used up. */
  refill(connection: G, now: number): void {
    if (connection.isChoked || !connection.isOpen || connection.wanted === 0) return;
    if (now < connection.restsUntil || connection.isSilent) return;
    const depth = this.depth(connection, now);
    if (connection.outstanding.blocks > depth / 2) return;
    const atOnce = this.blocksAtOnce(connection, now);
    const granted = this.#parts.granted(connection);
    while (connection.outstanding.blocks < depth) {
      const active = granted ? this.#nextOf(granted, connection) : this.#nextPiece(connection);
      const block = active?.nextFree();
      if (!active || block === undefined) break;
      // None reaches over a multiple of its longest length: uploads read by sections, and what is in two of them is read by itself.
      const most = Math.min(atOnce, BLOCKS_A_REQUEST - (block % BLOCKS_A_REQUEST));
      if (!this.#ask(connection, active, block, active.freeFrom(block, most), now)) return;
    }
    // A second copy of a block is for those inside: a byte that crosses a border twice is what grants are against.
    if (connection.outstanding.size === 0 && !granted) this.#endgame(connection, now);
  }

  /** A piece under way before a new one: whole pieces can be verified and passed on. */
  #nextPiece(connection: G): ActivePiece | undefined {
    const { book, picker } = this.#parts;
    const mayRequest = (piece: number): boolean => this.#parts.mayRequest(connection, piece);
    for (const active of book.withFree()) {
      if (!active.mayAsk(connection) || (active.only && connection.snubbed)) continue;
      if (connection.theirs.has(active.piece) && mayRequest(active.piece)) return active;
    }
    if (book.isFull) return undefined;
    const suspect = this.#suspect(connection);
    const piece =
      suspect ?? this.#beside(connection, mayRequest) ?? picker.pick(connection.theirs, mayRequest);
    if (connection.isWebSeed && piece !== undefined) this.#begunLast.set(connection, piece);
    return piece === undefined ? undefined : this.#begin(piece, piece === suspect ? connection : undefined);
  }

  /** A web seed is asked for ranges (BEP 19), each of which costs a round trip: the longer they are, the fewer. */
  #beside(connection: G, mayRequest: (piece: number) => boolean): number | undefined {
    const last = this.#begunLast.get(connection);
    const { picker } = this.#parts;
    if (last === undefined || picker.hasOrder || !picker.isOpen(last + 1)) return undefined;
    return mayRequest(last + 1) ? last + 1 : undefined;
  }

  /** The first of these pieces of which there is a block to be asked for. */
  #nextOf(pieces: readonly number[], connection: G): ActivePiece | undefined {
    const { book, picker } = this.#parts;
    for (const piece of pieces) {
      if (!connection.theirs.has(piece)) continue;
      const active =
        book.get(piece) ?? (!book.isFull && picker.isOpen(piece) ? this.#begin(piece) : undefined);
      if (active && active.freeCount > 0 && active.mayAsk(connection)) return active;
    }
    return undefined;
  }

  /** Begins a piece, from one connection `only` if given; for want of room for its buffer another one is given up. */
  #begin(piece: number, only?: G): ActivePiece | undefined {
    const { book, picker } = this.#parts;
    let active = book.begin(piece, only);
    if (!active) {
      const idlest = book.idlest();
      if (!idlest) return undefined;
      book.end(idlest.piece);
      picker.open(idlest.piece);
      active = book.begin(piece, only);
    }
    if (active) picker.close(piece);
    return active;
  }

  /** Before all others: the sooner it is known who lies, the less is spoiled. */
  #suspect(connection: G): number | undefined {
    if (connection.snubbed) return undefined;
    for (const piece of this.#parts.suspects()) {
      const isFree = this.#parts.picker.isOpen(piece) && connection.theirs.has(piece);
      if (isFree && this.#parts.mayRequest(connection, piece)) return piece;
    }
    return undefined;
  }

  /** Every missing block is under way somewhere: ask a second peer too, so that the slowest does not hold up the end. */
  #endgame(connection: G, now: number): void {
    const { book, picker } = this.#parts;
    if (picker.openCount > 0) return;
    for (const active of book.active()) {
      if (
        active.only ||
        !connection.theirs.has(active.piece) ||
        !this.#parts.mayRequest(connection, active.piece)
      )
        continue;
      const block = active.nextToRepeat(connection, ENDGAME_COPIES);
      if (block === undefined) continue;
      this.#ask(connection, active, block, 1, now);
      return;
    }
  }

  #ask(connection: G, active: ActivePiece, block: number, blocks: number, now: number): boolean {
    const begin = block * BLOCK;
    const length = Math.min(blocks * BLOCK, active.bytes - begin);
    const throttle = this.#parts.throttle(connection);
    if (!throttle.take(length, now)) {
      this.#parts.heldBack(throttle.waitMs(now));
      return false;
    }
    this.#parts.book.asked(active, block, connection, blocks);
    connection.request(active.piece, begin, length);
    return true;
  }
}
