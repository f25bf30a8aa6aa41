import { type KeptClaim, KeptClaims } from "./kept-claims.ts";
import type { Grant, NeighbourClaims } from "./neighbour-claims.ts";

/** What the member has been granted, and where it is fetched: each piece at one neighbour, or kept until there is one. */
export class Grants<Neighbour> {
  readonly kept = new KeptClaims();
  readonly #at = new Map<number, NeighbourClaims<Neighbour>>();
  readonly #sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>;

  constructor(sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>) {
    this.#sides = sides;
  }

  has(piece: number): boolean {
    return this.#at.has(piece) || this.kept.has(piece);
  }

  /** Where it is fetched. */
  at(piece: number): NeighbourClaims<Neighbour> | undefined {
    return this.#at.get(piece);
  }

  place(grant: Grant, side: NeighbourClaims<Neighbour>): void {
    side.grants.set(grant.piece, grant);
    this.#at.set(grant.piece, side);
  }

  /** It is not fetched there any more. */
  remove(piece: number): Grant | undefined {
    const side = this.#at.get(piece);
    const grant = side?.grants.get(piece);
    side?.grants.delete(piece);
    this.#at.delete(piece);
    return grant;
  }

  /**
   * To the least busy neighbour that serves us and `holds` the piece, ahead of what is queued there. Undefined when there is none.
   */
  move(
    grant: Grant,
    holds: (neighbour: Neighbour) => boolean,
    now: number,
  ): NeighbourClaims<Neighbour> | undefined {
    let best: NeighbourClaims<Neighbour> | undefined;
    for (const side of this.#sides.values()) {
      if (!side.isUnchoked || !holds(side.neighbour)) continue;
      if (!best || side.grants.size < best.grants.size) best = side;
    }
    if (!best) return undefined;
    const queued = [...best.grants.values()];
    best.grants.clear();
    this.place({ ...grant, since: now }, best);
    for (const other of queued) best.grants.set(other.piece, other);
    return best;
  }

  keep(claim: KeptClaim): void {
    this.kept.keep(claim);
  }

  /** All, kept ones too. */
  *all(): Generator<Grant> {
    for (const side of this.#sides.values()) yield* side.grants.values();
    for (const { grant } of this.kept) yield grant;
  }

  clear(): void {
    for (const side of this.#sides.values()) side.grants.clear();
    this.#at.clear();
    this.kept.clear();
  }
}
