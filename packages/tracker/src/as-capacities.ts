import { type Asn, LIMITS, type SwarmAs, UNKNOWN_ASN } from "@cachetorrent/protocol";

/** A longer list is made again so often at most, whatever changes. */
const LISTED_MS = 1000;

interface Sums {
  members: number;
  /** Peers that came with the whole content. */
  origins: number;
  up: number;
}

/** What one peer adds to its AS. */
export interface AsShare {
  readonly asn: Asn;
  readonly isOrigin: boolean;
  /** Absent for stock clients; of members without a candidature 0. Bytes/s. */
  readonly up?: number;
}

/**
 * What the ASes of a swarm have together, kept by addition: to look at every peer for each announce would cost too much.
 * Peers of unknown AS belong to none.
 */
export class AsCapacities {
  readonly #sums = new Map<Asn, Sums>();
  #list: readonly SwarmAs[] = [];
  #listedAt = Number.NEGATIVE_INFINITY;
  #isStale = false;

  /** A peer comes (no `before`), goes (no `after`), or adds something else from now on. */
  replace(before: AsShare | undefined, after: AsShare | undefined): void {
    // Most announces change nothing, and need no new list.
    if (before && after && before.up === after.up && before.isOrigin === after.isOrigin) return;
    if (before) this.#change(before, -1);
    if (after) this.#change(after, 1);
  }

  memberCount(asn: Asn): number {
    return this.#sums.get(asn)?.members ?? 0;
  }

  /** The ASes that have members, those with most capacity, most first. Of so few as are told it is up to date, else a second old at most. */
  list(now: number): readonly SwarmAs[] {
    const isLong = this.#sums.size > LIMITS.tracker.asesListed;
    if (!this.#isStale || (isLong && now < this.#listedAt + LISTED_MS)) return this.#list;
    this.#isStale = false;
    this.#listedAt = now;
    this.#list = [...this.#sums]
      .filter(([, { members }]) => members > 0)
      .map(([asn, { origins, up }]): SwarmAs => ({ asn, up, isOrigin: origins > 0 }))
      .toSorted((a, b) => b.up - a.up || a.asn - b.asn)
      .slice(0, LIMITS.tracker.asesListed);
    return this.#list;
  }

  #change({ asn, isOrigin, up }: AsShare, sign: 1 | -1): void {
    if (asn === UNKNOWN_ASN || (up === undefined && !isOrigin)) return;
    let sums = this.#sums.get(asn);
    if (!sums) {
      sums = { members: 0, origins: 0, up: 0 };
      this.#sums.set(asn, sums);
    }
    if (up !== undefined) sums.members += sign;
    if (isOrigin) sums.origins += sign;
    sums.up += sign * (up ?? 0);
    if (sums.members === 0 && sums.origins === 0) this.#sums.delete(asn);
    this.#isStale = true;
  }
}
