import { type Asn, isInternal, LIMITS, PieceSet, type SwarmAs, UNKNOWN_ASN } from "@cachetorrent/protocol";

export interface HomeRevealParts {
  /** Our own AS. */
  readonly asn: Asn;
  readonly pieceCount: number;
  /** The ASes of the swarm, by the tracker's last word. */
  ases(): readonly SwarmAs[];
  /** Members of our AS, ourselves included. */
  membersInAs(): number;
}

/** What must be known of whoever would be told. */
export interface Hearer {
  readonly asn: Asn;
  /** Has it said what it speaks? */
  readonly isIntroduced: boolean;
  readonly speaksCtCache: boolean;
}

/**
 * Where an initial seed is not alone in its AS, its neighbours at home would give away what it reveals to one AS at a time: so
 * each piece has a home among the other ASes, and only members of that AS are told of it. It spreads from there. That ends when
 * our external neighbours together hold everything, or when no new piece has appeared among them for 15 s: a home may be gone.
 */
export class HomeReveal {
  readonly #parts: HomeRevealParts;
  readonly #seen: PieceSet;
  /** When the last new piece appeared, from the time on when there was something to wait for. */
  #newAt: number | undefined;
  #isLifted = false;
  #homes = new Map<number, Asn>();
  #ases: readonly SwarmAs[] = [];
  #others: readonly SwarmAs[] = [];
  #isOrigin = false;

  constructor(parts: HomeRevealParts) {
    this.#parts = parts;
    this.#seen = new PieceSet(parts.pieceCount);
  }

  /** Are pieces held back for their homes? */
  get isInForce(): boolean {
    if (this.#isLifted) return false;
    this.#takeOver();
    return this.#isOrigin && this.#others.length > 0 && this.#parts.membersInAs() > 1;
  }

  /** May it be told of the piece? Of whom we do not know yet what it speaks is told later. */
  reveals({ asn, isIntroduced, speaksCtCache }: Hearer, piece: number): boolean {
    if (isInternal(asn, this.#parts.asn) || !this.isInForce) return true;
    // A stock client, or a peer of no known AS, has no home.
    if (asn === UNKNOWN_ASN || (isIntroduced && !speaksCtCache)) return true;
    return isIntroduced && this.homeOf(piece) === asn;
  }

  /** The AS that is told of the piece; undefined when the tracker knows of none but the origins. */
  homeOf(piece: number): Asn | undefined {
    this.#takeOver();
    const known = this.#homes.get(piece);
    if (known !== undefined) return known;
    const home = homeOf(piece, this.#others);
    if (home !== undefined) this.#homes.set(piece, home);
    return home;
  }

  /**
   * Called a few times a second with what our external neighbours have announced, `holding` being whether we have anything to
   * reveal.
   */
  sweep(now: number, external: readonly PieceSet[], holding: boolean): void {
    if (!this.isInForce || external.length === 0 || !holding) return;
    const together = new PieceSet(this.#parts.pieceCount);
    for (const pieces of external) together.addAll(pieces);
    const hasNews = this.#seen.addAll(together);
    if (hasNews || this.#newAt === undefined) this.#newAt = now;
    this.#isLifted = together.isFull || now - this.#newAt >= LIMITS.claims.homeQuietMs;
  }

  #takeOver(): void {
    const ases = this.#parts.ases();
    if (ases === this.#ases) return;
    this.#ases = ases;
    this.#others = ases.filter((one) => !one.isOrigin && one.asn !== this.#parts.asn);
    this.#isOrigin = ases.some((one) => one.isOrigin && one.asn === this.#parts.asn);
    this.#homes = new Map();
  }
}

/**
 * Weighted rendezvous hashing: of all ASes the one with the greatest -up / ln(h), h in (0, 1) being a hash of AS and piece. Each gets
 * pieces in proportion to its capacity, and if one is gone only its pieces move. (Schindelhauer and Schomaker, 2005)
 */
export function homeOf(piece: number, ases: readonly SwarmAs[]): Asn | undefined {
  let home: Asn | undefined;
  let best = Number.NEGATIVE_INFINITY;
  for (const { asn, up } of ases) {
    const score = -Math.max(1, up) / Math.log(hashOf(asn, piece));
    // Members with the same list in another order must agree.
    if (score > best || (score === best && home !== undefined && asn < home)) {
      home = asn;
      best = score;
    }
  }
  return home;
}

/** In (0, 1): every member of the AS computes the same. */
function hashOf(asn: number, piece: number): number {
  return (mix(mix(asn) ^ piece) + 0.5) / 2 ** 32;
}

/** The finalizer of MurmurHash3: every bit of the input changes half of those of the output. */
function mix(value: number): number {
  let h = (value + 0x9e3779b9) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
