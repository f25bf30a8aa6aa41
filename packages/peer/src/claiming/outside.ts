import { type Random, sample } from "@cachetorrent/clock";
import type { PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

/** So many pieces, at random, are compared for one claim. */
const COMPARED_MOST = 256;

/** What the outside neighbours of a member hold: which pieces to claim first. */
export class Outside {
  readonly #random: Random;
  readonly #connections: ReadonlySet<Connection>;
  readonly #isOutside: (connection: Connection) => boolean;

  constructor(
    connections: ReadonlySet<Connection>,
    isOutside: (connection: Connection) => boolean,
    random: Random,
  ) {
    this.#connections = connections;
    this.#isOutside = isOutside;
    this.#random = random;
  }

  /**
   * At most `most` of what the connection holds, we lack, and `isOpen`: first what lies begun, then what the fewest of
   * our outside neighbours hold, ties at random.
   */
  candidates(
    connection: Connection,
    have: PieceSet,
    most: number,
    isOpen: (piece: number) => boolean,
    isBegun: (piece: number) => boolean,
  ): number[] {
    const open = connection.theirs.beyond(have).filter(isOpen);
    if (open.length === 0) return [];
    const others = [...this.#connections].filter((one) => one.isOpen && this.#isOutside(one));
    const shuffled = sample(open, COMPARED_MOST, this.#random);
    const rank = new Map(
      shuffled.map((piece) => {
        const holders = others.reduce((count, one) => count + Number(one.theirs.has(piece)), 0);
        return [piece, isBegun(piece) ? 0 : holders];
      }),
    );
    return shuffled.sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0)).slice(0, most);
  }
}
