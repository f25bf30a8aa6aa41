import type { Endpoint } from "@cachetorrent/protocol";

/** A piece that we may fetch. Times are of our clock. */
export interface Grant {
  readonly piece: number;
  readonly ttlMs: number;
  readonly grantedAt: number;
  /** When bytes came last of what the neighbour is asked for; before that, when it was granted. */
  freshAt: number;
  /** When it was granted, renewed, or moved to this neighbour: its time runs from here. */
  since: number;
}

export interface Outstanding {
  readonly q: number;
  readonly at: number;
  readonly pieces: readonly number[];
  readonly from: Endpoint;
}

/** Our claims at one external neighbour. */
export class NeighbourClaims<Neighbour> {
  readonly neighbour: Neighbour;
  /** In the order in which they are requested. */
  readonly grants = new Map<number, Grant>();
  isUnchoked = false;
  /** One of those from which more than one piece is requested before a rate is known. */
  isStarting = false;
  outstanding: Outstanding | undefined;
  /** No claim before this. */
  retryAt = Number.NEGATIVE_INFINITY;
  /** Denied for want of room in our window: a delivery makes some. */
  waitsForRoom = false;
  /** The last claim was sent right after a denial. */
  triedAtOnce = false;
  /** It had nothing to claim when we looked last, and nothing has changed since; looked again after this all the same. */
  idleUntil = Number.NEGATIVE_INFINITY;
  renewedAt = Number.NEGATIVE_INFINITY;
  /** D and G as they were worked out last. */
  requested = 1;
  granted = 1;

  constructor(neighbour: Neighbour) {
    this.neighbour = neighbour;
  }

  /** The pieces that may be requested now. */
  *requestable(): Generator<number> {
    let left = this.requested;
    for (const piece of this.grants.keys()) {
      if (left-- <= 0) return;
      yield piece;
    }
  }
}
