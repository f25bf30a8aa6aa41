import { type Endpoint, LIMITS } from "@cachetorrent/protocol";
import type { Grant } from "./neighbour-claims.ts";

export interface KeptClaim {
  readonly grant: Grant;
  /** The neighbour that it was granted for. */
  readonly from: Endpoint;
}

/** Claims of pieces of which we have bytes, and for the moment no neighbour: worth more with us than with somebody who begins anew. */
export class KeptClaims {
  readonly #kept = new Map<number, KeptClaim>();
  #renewedAt = Number.NEGATIVE_INFINITY;

  get size(): number {
    return this.#kept.size;
  }

  has(piece: number): boolean {
    return this.#kept.has(piece);
  }

  keep(claim: KeptClaim): void {
    this.#kept.set(claim.grant.piece, claim);
  }

  remove(piece: number): KeptClaim | undefined {
    const claim = this.#kept.get(piece);
    this.#kept.delete(piece);
    return claim;
  }

  /** Those of which no bytes came for as long as is reasonable. */
  overdue(now: number): KeptClaim[] {
    return [...this].filter(({ grant }) => now - grant.freshAt >= LIMITS.claims.keptWhenChokedMs);
  }

  /** What to renew now, though no bytes flow: at most every third of their time. */
  toRenew(now: number): number[] {
    const ttlMs = Math.min(...[...this].map(({ grant }) => grant.ttlMs));
    if (this.size === 0 || now - this.#renewedAt < ttlMs / 3) return [];
    this.#renewedAt = now;
    return [...this.#kept.keys()];
  }

  clear(): void {
    this.#kept.clear();
  }

  [Symbol.iterator](): Iterator<KeptClaim> & Iterable<KeptClaim> {
    return this.#kept.values();
  }
}
