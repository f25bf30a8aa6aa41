import type { Clock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import type { Grants, Role } from "../roles/role.ts";
import type { Wanted } from "../selection/wanted.ts";
import type { Connection } from "../wire/connection.ts";

export interface InterestParts {
  /** The pieces still to be fetched. */
  readonly wanted: Wanted;
  readonly clock: Clock;
  readonly connections: ReadonlySet<Connection>;
  role(): Role;
}

/** In whom we are interested: what each connection has for us, by the role's rules. */
export class Interest {
  readonly #parts: InterestParts;
  /** We are interested still, although they have nothing for us now. */
  readonly #lingering = new Set<Connection>();
  /** Those that choke us and have had nothing for us since then: they will soon have, and a word taken back is one to give again. */
  readonly #idleSince = new Map<Connection, number>();

  constructor(parts: InterestParts) {
    this.#parts = parts;
  }

  /** By which grants we fetch there; undefined where none are needed. */
  grantsFor(connection: Connection): Grants | undefined {
    const { grants } = this.#parts.role();
    return grants?.applyTo(connection) ? grants : undefined;
  }

  recount(connection: Connection): void {
    const grants = this.grantsFor(connection);
    if (grants) {
      this.#linger(connection, grants.isWorthwhile(connection));
      return;
    }
    const { settled } = this.#parts.wanted;
    let wanted = 0;
    connection.theirs.each((piece) => {
      if (!settled.has(piece) && this.#parts.role().mayRequest(connection, piece)) wanted++;
    });
    connection.wanted = wanted;
    if (connection.isInteresting) connection.showInterest(true);
    else this.#emptied(connection);
  }

  /** It got one more piece. Is that one to be asked for, without a grant? */
  gained(connection: Connection, piece: number): boolean {
    if (this.grantsFor(connection)) {
      this.recount(connection);
      return false;
    }
    if (this.#parts.wanted.settled.has(piece) || !this.#parts.role().mayRequest(connection, piece))
      return false;
    connection.wanted++;
    connection.showInterest(true);
    return true;
  }

  /** We hold the piece, which was wanted. What is granted is another matter: see `recountGranted`. */
  held(connection: Connection, piece: number): void {
    if (this.grantsFor(connection)) return;
    const wasWanted = connection.theirs.has(piece) && this.#parts.role().mayRequest(connection, piece);
    if (wasWanted) connection.wanted = Math.max(0, connection.wanted - 1);
    if (!connection.isInteresting) this.#emptied(connection);
  }

  /** It gives us a slot: if there is nothing to be had of it, others should have that. */
  unchoked(connection: Connection): void {
    if (this.#idleSince.delete(connection)) connection.showInterest(connection.isInteresting);
  }

  /** What may be granted, or was, is something else than before: at that connection, or at all. */
  recountGranted(connection?: Connection): void {
    if (!this.#parts.role().grants) return;
    if (connection) this.recount(connection);
    else for (const one of this.#parts.connections) if (this.grantsFor(one)) this.recount(one);
  }

  left(connection: Connection): void {
    this.#lingering.delete(connection);
    this.#idleSince.delete(connection);
  }

  sweep(): void {
    const now = this.#parts.clock.now();
    for (const [connection, since] of this.#idleSince) {
      if (!connection.isInteresting && now - since < LIMITS.peer.idleInterestMs) continue;
      this.#idleSince.delete(connection);
      connection.showInterest(connection.isInteresting);
    }
    for (const connection of this.#lingering) this.recount(connection);
  }

  /** It has nothing for us any more, and no grants apply to it. */
  #emptied(connection: Connection): void {
    if (connection.isChoked && !this.#parts.wanted.settled.isFull) {
      if (connection.isShownInterest && !this.#idleSince.has(connection))
        this.#idleSince.set(connection, this.#parts.clock.now());
      return;
    }
    this.#idleSince.delete(connection);
    connection.showInterest(false);
  }

  /** Interest is not lost at once: in a moment there may be something again, and who asks anew waits for a slot. */
  #linger(connection: Connection, isWorthwhile: boolean): void {
    connection.wanted = isWorthwhile ? 1 : 0;
    const now = this.#parts.clock.now();
    if (isWorthwhile) connection.lingersSince = undefined;
    else connection.lingersSince ??= now;
    const isOver = now - (connection.lingersSince ?? now) >= LIMITS.claims.lingerMs;
    if (isWorthwhile || isOver || this.#parts.wanted.settled.isFull) connection.showInterest(isWorthwhile);
    if (!isWorthwhile && connection.isShownInterest) this.#lingering.add(connection);
    else this.#lingering.delete(connection);
  }
}
