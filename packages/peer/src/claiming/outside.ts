import { type Random, sample } from "@cachetorrent/clock";
import type { PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

/** So many pieces, at random, are compared for one claim. */
const COMPARED_MOST = 256;

export interface OutsideParts {
  readonly connections: ReadonlySet<Connection>;
  readonly random: Random;
  /** The pieces that we hold, or do not want. */
  readonly settled: PieceSet;
  /** Of those that we want: the higher, the sooner. */
  priorityOf(piece: number): number;
  isOutside(connection: Connection): boolean;
  /** Have bytes of it come? */
  isBegun(piece: number): boolean;
}

/** What the outside neighbours of a member hold: which pieces to claim first. */
export class Outside {
  readonly #parts: OutsideParts;
  /** Where what was claimed last of each web seed begins. */
  readonly #begins = new WeakMap<Connection, number>();

  constructor(parts: OutsideParts) {
    this.#parts = parts;
  }

  /**
   * At most `most` of what the connection holds, we want and lack, and `isOpen`, all of the highest priority that there is: first what
   * lies begun, then what the fewest of our outside neighbours hold, ties at random; of a web seed, after the first of these, what stands beside it.
   */
  candidates(connection: Connection, most: number, isOpen: (piece: number) => boolean): number[] {
    const { connections, random, settled } = this.#parts;
    const priority = (piece: number) => this.#parts.priorityOf(piece);
    const all = connection.theirs.beyond(settled).filter(isOpen);
    if (all.length === 0) return [];
    const highest = all.reduce((best, piece) => Math.max(best, priority(piece)), 0);
    const open = all.filter((piece) => priority(piece) === highest);
    const others = [...connections].filter((one) => one.isOpen && this.#parts.isOutside(one));
    const shuffled = sample(open, COMPARED_MOST, random);
    const rank = new Map(
      shuffled.map((piece) => {
        const holders = others.reduce((count, one) => count + Number(one.theirs.has(piece)), 0);
        return [piece, this.#parts.isBegun(piece) ? 0 : holders];
      }),
    );
    const ranked = shuffled.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
    if (!connection.isWebSeed) return ranked.slice(0, most);
    const isLikeIt = (piece: number) =>
      connection.theirs.has(piece) && !settled.has(piece) && isOpen(piece) && priority(piece) === highest;
    return this.#sideBySide(connection, ranked, isLikeIt).slice(0, most);
  }

  /**
   * A web seed is asked for ranges, each of which costs a round trip: so pieces are claimed there in rows. A row goes on where the last one
   * is being fetched, if that is not long ago; else it begins with the best piece, which for each member is another one.
   */
  #sideBySide(
    connection: Connection,
    ranked: readonly number[],
    isOpen: (piece: number) => boolean,
  ): number[] {
    const begun = ranked.filter((piece) => this.#parts.isBegun(piece));
    const before = this.#begins.get(connection);
    const beside = before === undefined ? undefined : rowFrom(before, isOpen)[0];
    const first = beside ?? ranked[begun.length];
    if (first === undefined) return begun;
    this.#begins.set(connection, first);
    return [...new Set([...begun, ...rowFrom(first, isOpen), ...ranked])];
  }
}

/** So far ahead of where the last row began the next may begin, and so long it is. */
const ROW_MOST = 64;

function rowFrom(first: number, isOpen: (piece: number) => boolean): number[] {
  return Array.from({ length: ROW_MOST }, (_, i) => first + i).filter(isOpen);
}
