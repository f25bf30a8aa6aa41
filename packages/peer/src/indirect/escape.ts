import { type Random, randomBelow } from "@cachetorrent/clock";
import { type Asn, isInternal, LIMITS, type PieceSet } from "@cachetorrent/protocol";
import type { WayOut } from "../roles/follower.ts";
import type { Connection } from "../wire/connection.ts";

export interface EscapeParts {
  readonly random: Random;
  /** The pieces that we hold, or do not want. */
  readonly settled: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  asn(): Asn;
  /** May this piece be fetched outside only on an escape? */
  isFollowed(piece: number): boolean;
  /** It begins: connections outside are wanted. */
  opened(): void;
  /** For the first time since it began a piece is fetched outside. `isStarved`: although leaders answer. */
  used(isStarved: boolean): void;
  /** Another piece, or none, may be fetched outside. */
  changed(): void;
}

/** What the way out depends on. */
export interface Arrivals {
  /** When a leader that is trusted last answered. */
  readonly answeredAt: number;
  /** When payload last arrived. */
  readonly receivedAt: number;
}

const { escapeMs, starvedMs } = LIMITS.cache;

/**
 * The way out of an AS whose leaders are gone: when none has answered and nothing has arrived for 15 s, one piece at a
 * time, chosen at random, is fetched outside until a leader answers. The same when leaders do answer, but nothing has arrived for
 * 2 minutes although there is something outside: then they are not trusted any more, and a better one has to answer.
 */
export class Escape implements WayOut {
  readonly #parts: EscapeParts;
  #openedAt: number | undefined;
  /** It began although leaders answer. */
  #isStarved = false;
  #isUsed = false;
  #piece: number | undefined;
  #progressAt = 0;

  constructor(parts: EscapeParts) {
    this.#parts = parts;
  }

  get isOpen(): boolean {
    return this.#openedAt !== undefined;
  }

  get piece(): number | undefined {
    return this.#piece;
  }

  sweep(now: number, { answeredAt, receivedAt }: Arrivals): void {
    if (this.#openedAt === undefined) {
      this.#isStarved = now - receivedAt > starvedMs;
      if (!this.#isStarved && now - Math.max(answeredAt, receivedAt) <= escapeMs) return;
      this.#openedAt = now;
      this.#isUsed = false;
      this.#parts.opened();
    }
    // Of starvation there is no proof before somebody outside is found to have what we lack.
    const isUnproven = this.#isStarved && !this.#isUsed;
    if ((isUnproven ? receivedAt : answeredAt) > this.#openedAt) {
      this.close();
      return;
    }
    const isStuck = now - Math.max(this.#progressAt, receivedAt) > escapeMs;
    if (this.#piece === undefined || isStuck) this.#choose(now);
  }

  /** We hold the piece: the next one does not wait for the sweep. */
  held(piece: number, now: number): void {
    if (piece === this.#piece && this.isOpen) this.#choose(now);
  }

  /** A leader answers, or the role is another one. */
  close(): void {
    if (!this.isOpen) return;
    this.#openedAt = undefined;
    this.#piece = undefined;
    // Also without a piece: what was connected for the escape is of no use any more.
    this.#parts.changed();
  }

  #choose(now: number): void {
    const { asn, changed, connections, random, used } = this.#parts;
    const outside = [...connections].filter((one) => one.isOpen && !isInternal(one.asn, asn()));
    const willing = outside.filter((one) => !one.isChoked);
    const missing = this.#missingAt(willing) ?? this.#missingAt(outside);
    const before = this.#piece;
    this.#piece = missing?.[randomBelow(random, missing.length)];
    this.#progressAt = now;
    if (this.#piece !== undefined && !this.#isUsed) {
      this.#isUsed = true;
      used(this.#isStarved);
    }
    if (this.#piece !== before) changed();
  }

  /** What one of them, at random among those that have anything, holds and we lack. */
  #missingAt(connections: readonly Connection[]): number[] | undefined {
    const first = randomBelow(this.#parts.random, connections.length);
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[(first + i) % connections.length];
      const missing = [...(connection?.theirs ?? [])].filter(
        (piece) => !this.#parts.settled.has(piece) && this.#parts.isFollowed(piece),
      );
      if (missing.length > 0) return missing;
    }
    return undefined;
  }
}
