import type { Endpoint } from "@cachetorrent/protocol";
import type { Downloads } from "../exchange/downloads.ts";
import type { Connection } from "../wire/connection.ts";
import { Holders, type HoldersParts } from "./holders.ts";
import { Unserved } from "./unserved.ts";

export interface OutOfReachParts extends HoldersParts {
  readonly downloads: Downloads;
  /** Neighbours of our AS that say they hold the piece. */
  holdersOf(piece: number): Connection[];
  isTaken(piece: number): boolean;
  /** So long a piece may be on its way to us; 0 if that is not known. */
  onItsWayMs(): number;
  /** How long the rest of what we want takes; 0 if that is not known. */
  restMs(): number;
  /** It has been so for a while: the head is to be asked. */
  missing(piece: number, now: number): void;
}

/** How often what nobody has whom we know is looked at. */
const LOOK_MS = 1000;
/**
 * How long it may be so, or for as long as a piece may be on its way, or for that part of the time that the rest takes: what is on its
 * way through the AS comes by itself. In a swarm whose pieces took 4 s, and whose peers had all their connections, every one knocked in
 * vain at a holder's door every 2 s.
 */
const MISSING_MS = 5000;
const PART_OF_REST = 1 / 8;

/** Pieces that are in our AS, or on their way into it, and at nobody there whom we know, or who gives us anything. */
export class OutOfReach {
  readonly #parts: OutOfReachParts;
  readonly #holders: Holders;
  /** Since when. */
  readonly #since = new Map<number, number>();
  readonly #unserved: Unserved;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: OutOfReachParts) {
    this.#parts = parts;
    this.#holders = new Holders(parts);
    this.#unserved = new Unserved(parts);
  }

  /** The head named these as holders. */
  connect(endpoints: readonly Endpoint[], piece: number, now: number): void {
    this.#holders.connect(endpoints, piece, now);
  }

  held(piece: number): void {
    this.#since.delete(piece);
  }

  clear(): void {
    this.#since.clear();
    this.#unserved.clear();
  }

  sweep(now: number): void {
    this.#holders.sweep(now);
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const { downloads, isTaken, missing, onItsWayMs, restMs } = this.#parts;
    const missingMs = Math.max(MISSING_MS, onItsWayMs(), PART_OF_REST * restMs());
    for (const piece of downloads.unheld()) {
      if (!isTaken(piece)) {
        this.#since.delete(piece);
        continue;
      }
      const since = this.#since.get(piece) ?? now;
      this.#since.set(piece, since);
      if (now - since >= missingMs) missing(piece, now);
    }
    for (const piece of this.#unserved.sweep(restMs(), now)) if (isTaken(piece)) missing(piece, now);
    for (const piece of this.#since.keys()) {
      if (downloads.availability(piece) > 0) this.#since.delete(piece);
    }
  }
}
