import type { PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

/** In one sweep to one connection: the sweeps of a second stay below what is a flood. */
const TOLD_A_SWEEP = 1000;

export interface LateHavesParts {
  /** The pieces we hold. */
  readonly have: PieceSet;
  /** Is the other side to be told of the piece? */
  isDue(connection: Connection, piece: number): boolean;
  tell(connection: Connection, piece: number): void;
  /** It was told of all that was due. */
  done(connection: Connection): void;
}

/** The `have` messages that connections get which were told of little or nothing at their start: a few at a time. */
export class LateHaves {
  readonly #parts: LateHavesParts;
  readonly #pieces = new Map<Connection, Iterator<number>>();

  constructor(parts: LateHavesParts) {
    this.#parts = parts;
  }

  /** From the first piece on, whatever it was told before. */
  begin(connection: Connection): void {
    this.#pieces.set(connection, this.#parts.have[Symbol.iterator]());
  }

  left(connection: Connection): void {
    this.#pieces.delete(connection);
  }

  sweep(): void {
    for (const [connection, pieces] of this.#pieces) {
      if (connection.isOpen && !this.#tell(connection, pieces)) continue;
      this.#pieces.delete(connection);
      this.#parts.done(connection);
    }
  }

  /** True when all is told. */
  #tell(connection: Connection, pieces: Iterator<number>): boolean {
    for (let told = 0; told < TOLD_A_SWEEP; ) {
      const next = pieces.next();
      if (next.done) return true;
      if (!this.#parts.isDue(connection, next.value)) continue;
      this.#parts.tell(connection, next.value);
      told++;
    }
    return false;
  }
}
