import type { SharedLinks } from "@cachetorrent/peer";
import type { Address } from "@cachetorrent/protocol";
import { asIndexOf } from "../topology.ts";

/** Rates of an AS's link, in bytes/s; Infinity where there is none. */
export interface LinkRates {
  readonly linkIn: number;
  readonly linkOut: number;
}

export function isLimited({ linkIn, linkOut }: LinkRates): boolean {
  return Number.isFinite(linkIn) || Number.isFinite(linkOut);
}

/** How far ahead of its rate a link may get after a pause: as a peer's own bucket. */
const BURST_MS = 50;
const MICROS = 1000;

/**
 * The links of all ASes, as one table that all threads share. For each direction it has the time at which the link is
 * free again (the generic cell rate algorithm, ITU-T I.371): a block is booked behind all that were booked before it, so
 * that whoever waits is served in turn, and nobody has to ask again.
 */
export class AsLinks {
  readonly #rates: readonly LinkRates[];
  readonly #freeAt: BigInt64Array;
  readonly #origin: number;

  /**
   * `memory` of `AsLinks.memoryFor` is the same for all threads, and undefined where that is; so is `origin`, a time before any
   * booking, in ms.
   */
  constructor(rates: readonly LinkRates[], memory: SharedArrayBuffer | undefined, origin: number) {
    this.#rates = rates;
    this.#freeAt = memory ? new BigInt64Array(memory) : new BigInt64Array();
    this.#origin = origin;
  }

  /** Undefined where no link is limited, so that there is nothing to share. */
  static memoryFor(rates: readonly LinkRates[]): SharedArrayBuffer | undefined {
    if (!rates.some(isLimited)) return undefined;
    return new SharedArrayBuffer(rates.length * 2 * BigInt64Array.BYTES_PER_ELEMENT);
  }

  /** As the peers of one AS see them. */
  of(asIndex: number): SharedLinks {
    const out = this.#rates[asIndex]?.linkOut ?? Number.POSITIVE_INFINITY;
    return {
      book: (to: Address, bytes: number, now: number) => {
        const other = asIndexOf(to);
        if (other === asIndex) return 0;
        const into = this.#rates[other]?.linkIn ?? Number.POSITIVE_INFINITY;
        const outMs = this.#book(2 * asIndex, out, bytes, now);
        return Math.max(outMs, this.#book(2 * other + 1, into, bytes, now));
      },
    };
  }

  #book(slot: number, rate: number, bytes: number, now: number): number {
    if (rate === Number.POSITIVE_INFINITY) return 0;
    const nowMicros = Math.round((now - this.#origin) * MICROS);
    const cost = BigInt(Math.ceil((bytes * 1e6) / rate));
    const earliest = BigInt(nowMicros - BURST_MS * MICROS);
    for (;;) {
      const freeAt = Atomics.load(this.#freeAt, slot);
      const start = freeAt > earliest ? freeAt : earliest;
      if (Atomics.compareExchange(this.#freeAt, slot, freeAt, start + cost) !== freeAt) continue;
      return Math.max(0, (Number(start) - nowMicros) / MICROS);
    }
  }
}
