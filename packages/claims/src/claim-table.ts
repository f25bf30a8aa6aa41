import type { Endpoint } from "@cachetorrent/protocol";

/** The right of one member to fetch one piece from outside. */
export interface OpenClaim<Owner> {
  readonly piece: number;
  readonly owner: Owner;
  /** The external peer; unknown of a claim that another head granted. */
  readonly from: Endpoint | undefined;
  readonly since: number;
  deadline: number;
  /** An extra copy of a piece that the AS holds. */
  readonly isRelief: boolean;
  /** Granted by another head, as its owner says or that head; nobody has renewed it here. */
  isReported: boolean;
}

export interface ClaimOwner<Self> {
  readonly claims: Map<number, OpenClaim<Self>>;
}

/** The open claims, at most one for each piece, each known to its owner too. */
export class ClaimTable<Self extends ClaimOwner<Self>> {
  readonly #byPiece = new Map<number, OpenClaim<Self>>();
  /** None runs out before this. */
  #quietUntil = Number.POSITIVE_INFINITY;

  get size(): number {
    return this.#byPiece.size;
  }

  get(piece: number): OpenClaim<Self> | undefined {
    return this.#byPiece.get(piece);
  }

  /** In place of another claim on the piece, if there is one. */
  open(claim: OpenClaim<Self>): void {
    this.close(claim.piece);
    this.#byPiece.set(claim.piece, claim);
    claim.owner.claims.set(claim.piece, claim);
    this.#quietUntil = Math.min(this.#quietUntil, claim.deadline);
  }

  close(piece: number): OpenClaim<Self> | undefined {
    const claim = this.#byPiece.get(piece);
    this.#byPiece.delete(piece);
    claim?.owner.claims.delete(piece);
    return claim;
  }

  /** Those whose time is over; they stay until they are closed. */
  due(now: number): OpenClaim<Self>[] {
    if (now < this.#quietUntil) return [];
    const due: OpenClaim<Self>[] = [];
    this.#quietUntil = Number.POSITIVE_INFINITY;
    for (const claim of this.#byPiece.values()) {
      if (now >= claim.deadline) due.push(claim);
      else this.#quietUntil = Math.min(this.#quietUntil, claim.deadline);
    }
    return due;
  }

  [Symbol.iterator](): Iterator<OpenClaim<Self>> {
    return this.#byPiece.values();
  }
}
