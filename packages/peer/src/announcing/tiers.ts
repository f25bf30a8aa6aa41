import { type Random, sample } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";

/**
 * BEP 12: tiers are asked in order, the trackers of a tier in an order shuffled once, in which the one that worked
 * comes first from then on.
 */
export class Tiers {
  readonly #tiers: string[][];
  /** How many trackers are beyond the limit, and not in the tiers. */
  readonly leftOut: number;

  constructor(tiers: readonly (readonly string[])[], random: Random) {
    const all = new Set(tiers.flat());
    const asked = new Set([...all].slice(0, LIMITS.peer.trackersPerTorrent));
    this.leftOut = all.size - asked.size;
    this.#tiers = tiers.map((tier) => {
      // One that stands in several tiers is of the first.
      const urls = tier.filter((url) => asked.delete(url));
      return sample(urls, urls.length, random);
    });
  }

  /** All announce URLs, in the order to try them. */
  get order(): readonly string[] {
    return this.#tiers.flat();
  }

  /** `url` answered. */
  promote(url: string): void {
    const tier = this.#tiers.find((urls) => urls.includes(url));
    if (!tier) return;
    tier.splice(tier.indexOf(url), 1);
    tier.unshift(url);
  }
}
