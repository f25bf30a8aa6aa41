import { type Random, randomBelow } from "@cachetorrent/clock";

/** What generators ask of a random source. */
export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(count: number): number {
    return randomBelow(this.#random, count);
  }

  /** Both ends are possible. */
  between(least: number, most: number): number {
    return least + this.below(most - least + 1);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(items: readonly T[]): T {
    if (items.length === 0) throw new RangeError("nothing to pick from");
    return items[this.below(items.length)] as T;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** Lengths are mostly small, seldom large: each size class is as likely as the next. */
  length(most: number): number {
    return this.below(2 ** this.between(0, Math.ceil(Math.log2(most + 1)))) % (most + 1);
  }
}
