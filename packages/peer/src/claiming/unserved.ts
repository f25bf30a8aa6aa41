import type { Endpoint } from "@cachetorrent/protocol";
import type { Downloads } from "../exchange/downloads.ts";
import type { Connection } from "../wire/connection.ts";

export interface UnservedParts {
  readonly downloads: Pick<Downloads, "scarce" | "availability">;
  /** Neighbours of our AS that say they hold the piece. */
  holdersOf(piece: number): Connection[];
  /** The holder gave us nothing, all this time. */
  didNotServe(piece: number, endpoint: Endpoint): void;
}

/** Holders so few that a piece can hang on one of them. */
const SCARCE = 2;
/** So long a piece may stay scarce, and its holders give us nothing, before they are named to the head; or as long as the rest takes. */
const UNSERVED_MS = 60_000;

interface Wait {
  readonly since: number;
  readonly availability: number;
}

/**
 * Pieces that few of our AS hold, and that do not spread: a neighbour that says it holds what it does not have, or takes and
 * never gives, would keep them from the whole AS.
 */
export class Unserved {
  readonly #parts: UnservedParts;
  readonly #waits = new Map<number, Wait>();

  constructor(parts: UnservedParts) {
    this.#parts = parts;
  }

  clear(): void {
    this.#waits.clear();
  }

  /** The pieces to ask the head about, their holders having been named to it. To be called about once a second. */
  sweep(restMs: number, now: number): number[] {
    const { didNotServe, downloads, holdersOf } = this.#parts;
    const unservedMs = Math.max(UNSERVED_MS, restMs);
    const scarce = new Set(downloads.scarce(SCARCE));
    for (const piece of this.#waits.keys()) if (!scarce.has(piece)) this.#waits.delete(piece);
    const unserved: number[] = [];
    for (const piece of scarce) {
      const availability = downloads.availability(piece);
      const wait = this.#waits.get(piece);
      if (wait?.availability !== availability) this.#waits.set(piece, { since: now, availability });
      else if (now - wait.since >= unservedMs) {
        const holders = holdersOf(piece);
        // A slow one that gives is better than a second copy.
        if (holders.some((one) => one.downRate.rate(now) >= 1)) continue;
        for (const { endpoint } of holders) if (endpoint) didNotServe(piece, endpoint);
        unserved.push(piece);
      }
    }
    return unserved;
  }
}
