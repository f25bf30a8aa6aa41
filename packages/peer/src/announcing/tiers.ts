import { type Random, sample } from "@cachetorrent/clock";

/**
 * BEP 12: tiers are asked in order, the trackers of a tier in an order shuffled once, in which the one that worked
 * comes first from then on.
 */
export class Tiers {
  readonly #tiers: string[][];

  constructor(tiers: readonly (readonly string[])[], random: Random) {
    const seen = new Set<string>();
    this.#tiers = tiers.map((tier) => {
      const urls = tier.filter((url) => !seen.has(url) && seen.add(url));
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
