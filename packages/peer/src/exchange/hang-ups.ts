import { LIMITS, type PieceSet } from "@cachetorrent/protocol";
import type { Role } from "../roles/role.ts";
import type { Connection } from "../wire/connection.ts";

export interface HangUpsParts {
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  role(): Role;
}

/** How often connections are looked at that say nothing: their time-outs are of many seconds. */
const LOOK_MS = 1000;

/** Which connections we end: those that neither side has any use for, and those of which nothing is heard. */
export class HangUps {
  readonly #parts: HangUpsParts;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: HangUpsParts) {
    this.#parts = parts;
  }

  /** Two complete peers have nothing to say to each other, nor has a follower anything to say to a seed outside. */
  closeIfUseless(connection: Connection): void {
    const { have, role } = this.#parts;
    if (!connection.theirs.isFull || connection.isInteresting) return;
    if (have.isFull) connection.close("both complete");
    else if (!role().keeps(connection)) connection.close("outside seed");
  }

  /** To be called a few times a second. Those that stay are kept alive. */
  sweep(now: number): void {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const connection of this.#parts.connections) this.#look(connection, now);
  }

  #look(connection: Connection, now: number): void {
    if (!connection.isHandshaken) {
      if (now - connection.openedAt > LIMITS.peer.handshakeTimeoutMs) connection.abort("no handshake");
    } else if (connection.idleMs(now) > LIMITS.peer.idleTimeoutMs) connection.abort("silent");
    else connection.keepAlive(now);
  }
}
