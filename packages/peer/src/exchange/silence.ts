import { LIMITS } from "@cachetorrent/protocol";
import { Attention } from "../wire/attention.ts";
import type { Connection } from "../wire/connection.ts";

const { outsideKeepAliveMs, outsideSilenceMs } = LIMITS.claims;

/** Often enough that what is due every second is not late, and rarely enough to cost nothing. */
const LOOK_MS = 400;

export interface SilenceParts {
  readonly connections: ReadonlySet<Connection>;
  /** Is it a member of another AS, under `coordinated`? */
  isOutsideMember(connection: Connection): boolean;
  /** Do we, an initial seed, show our pieces one by one? */
  isHoldingBack(): boolean;
  /** Nothing comes of it that is due. */
  fellSilent(connection: Connection): void;
  spokeAgain(connection: Connection): void;
}

/**
 * Where an AS is cut off, TCP tells nobody for minutes. Under `coordinated` the rest of the swarm would wait as long: for pieces claimed
 * at neighbours over there, and for those that nobody else was given yet. So members of different ASes say something every second
 * while one of them waits for blocks of the other, and each to an initial seed until it has shown everything; who does not is *silent*.
 */
export class Silence {
  readonly #parts: SilenceParts;
  readonly #attention: Attention;
  /** Since when it is to say something: what was not said before was not due. */
  readonly #dueSince = new Map<Connection, number>();
  /** Since when each is silent. */
  readonly #silent = new Map<Connection, number>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: SilenceParts, now: number) {
    this.#parts = parts;
    this.#attention = new Attention(now);
  }

  left(connection: Connection): void {
    this.#dueSince.delete(connection);
    this.#silent.delete(connection);
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    const mayJudge = this.#attention.look(now);
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    for (const connection of this.#parts.connections) {
      if (connection.isOpen && this.#parts.isOutsideMember(connection)) this.#tend(connection, now, mayJudge);
      else if (this.#silent.has(connection)) this.#heard(connection);
    }
  }

  #tend(connection: Connection, now: number, mayJudge: boolean): void {
    const isUnderWay = connection.outstanding.size > 0 || !connection.upload.queue.isEmpty;
    const isToBeTold = !connection.theirs.isFull && connection.says.isInitialSeed;
    if (isUnderWay || isToBeTold) connection.keepAlive(now, outsideKeepAliveMs);

    const heardAt = now - connection.idleMs(now);
    const silentSince = this.#silent.get(connection);
    if (silentSince !== undefined) {
      if (heardAt > silentSince) this.#heard(connection);
      return;
    }
    if (!isUnderWay && !this.#parts.isHoldingBack()) {
      this.#dueSince.delete(connection);
      return;
    }
    const dueSince = this.#dueSince.get(connection) ?? now;
    this.#dueSince.set(connection, dueSince);
    if (!mayJudge || now - Math.max(dueSince, heardAt) < outsideSilenceMs) return;
    this.#silent.set(connection, now);
    this.#dueSince.delete(connection);
    this.#parts.fellSilent(connection);
  }

  #heard(connection: Connection): void {
    this.#silent.delete(connection);
    this.#parts.spokeAgain(connection);
  }
}
