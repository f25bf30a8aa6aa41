import type { PieceSet } from "../piece-set.ts";
import type { Connection } from "../wire/connection.ts";

/** In one sweep to one connection: the sweeps of a second stay below what is a flood. */
const TOLD_A_SWEEP = 1000;

/** The `have` messages that connections get which were told of nothing at their start: a few at a time. */
export class LateHaves {
  readonly #have: PieceSet;
  readonly #pieces = new Map<Connection, Iterator<number>>();

  constructor(have: PieceSet) {
    this.#have = have;
  }

  begin(connection: Connection): void {
    this.#pieces.set(connection, this.#have[Symbol.iterator]());
  }

  left(connection: Connection): void {
    this.#pieces.delete(connection);
  }

  sweep(): void {
    for (const [connection, pieces] of this.#pieces) {
      if (!connection.isOpen || this.#tell(connection, pieces)) this.#pieces.delete(connection);
    }
  }

  /** True when all is told. */
  #tell(connection: Connection, pieces: Iterator<number>): boolean {
    for (let told = 0; told < TOLD_A_SWEEP; ) {
      const next = pieces.next();
      if (next.done) return true;
      if (connection.theirs.has(next.value)) continue;
      connection.sendHave(next.value);
      told++;
    }
    return false;
  }
}
