import { type CtCacheBody, isInternal, LIMITS, type PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { LeaderLink } from "./leader-link.ts";

export interface WantsParts {
  /** The pieces that we hold, or do not want. */
  readonly settled: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  /** The leaders of the range that the piece is in. */
  leadersOf(piece: number): readonly LeaderLink[];
  pickIndirectly(pieces: PieceSet, accepts: (piece: number) => boolean): number | undefined;
  tell(connection: Connection, body: CtCacheBody): void;
}

const { cache } = LIMITS;
/** In a torrent of very many pieces not all are looked at for a want. */
const LOOKED_AT_MOST = 4096;

/** The indirect requests of a follower: each piece is wanted of one leader at a time, of each leader a few. */
export class Wants {
  readonly #parts: WantsParts;
  readonly #at = new Map<number, LeaderLink>();
  /** The leader that a piece was wanted of in vain: another one is asked next, if there is one. */
  readonly #inVain = new Map<number, LeaderLink>();

  constructor(parts: WantsParts) {
    this.#parts = parts;
  }

  /** The leader holds the piece now, whether it was wanted or not. */
  served(link: LeaderLink, piece: number, now: number): void {
    const wasWanted = this.#drop(link, piece);
    link.bore(now);
    if (wasWanted) this.fill(link, now);
  }

  /** We hold the piece. A leader of which nothing is wanted any more need not serve anything. */
  held(link: LeaderLink, piece: number): void {
    if (this.#drop(link, piece) && link.wants.size === 0) link.fruitlessSince = undefined;
  }

  /** Whatever is wanted of the leader is wanted of another one, if there is one that reaches it. */
  move(link: LeaderLink): void {
    for (const piece of link.wants.keys()) {
      this.#at.delete(piece);
      this.#inVain.set(piece, link);
    }
    link.wants.clear();
    link.fruitlessSince = undefined;
  }

  /** Moves what it has not served in time, and wants more of it. */
  tend(link: LeaderLink, now: number): void {
    for (const [piece, at] of link.wants) {
      if (now - at < cache.wantMs) continue;
      this.#drop(link, piece);
      this.#inVain.set(piece, link);
    }
    this.fill(link, now);
  }

  /** Asks for as many pieces as may be open, rarest first, that nobody inside has. */
  fill(link: LeaderLink, now: number): void {
    const { connection } = link;
    if (!connection?.forwarded || link.destinations.size === 0) return;
    if (link.isSuspended || link.isDistrusted) return;
    const inside = [...this.#parts.connections].filter((one) => isInternal(one.asn, connection.asn));
    const pieces: number[] = [];
    let looked = 0;
    while (link.wants.size < cache.wantsPerLeader) {
      const piece = this.#parts.pickIndirectly(
        connection.forwarded,
        (one) => ++looked <= LOOKED_AT_MOST && this.#mayWant(link, one, inside),
      );
      if (piece === undefined) break;
      link.wants.set(piece, now);
      this.#at.set(piece, link);
      pieces.push(piece);
    }
    if (pieces.length === 0) return;
    link.fruitlessSince ??= now;
    this.#parts.tell(connection, { m: "want", pieces });
  }

  /** The piece is wanted of the leader no more. False when it was not. */
  #drop(link: LeaderLink, piece: number): boolean {
    this.#inVain.delete(piece);
    return link.wants.delete(piece) && this.#at.delete(piece);
  }

  #mayWant(link: LeaderLink, piece: number, inside: readonly Connection[]): boolean {
    if (this.#parts.settled.has(piece) || this.#at.has(piece)) return false;
    if (inside.some((one) => one.theirs.has(piece))) return false;
    const leaders = this.#parts.leadersOf(piece);
    if (!leaders.includes(link)) return false;
    if (this.#inVain.get(piece) !== link) return true;
    return !leaders.some((other) => other !== link && other.reaches(piece));
  }
}
