import { type Random, randomBelow, sample } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";

/** What the choker must know of a connection. */
export interface Contender {
  readonly isInterested: boolean;
  /** Bytes/s it gives us. */
  givesRate(now: number): number;
  /** When it was last unchoked: a seed goes round. */
  readonly lastUnchokedAt: number;
  readonly snubbed: boolean;
}

export type ChokerKind = "tit-for-tat" | "random";

export interface ChokerOptions {
  readonly kind: ChokerKind;
  /** Slots besides the optimistic one. */
  readonly slots: () => number;
  readonly random: Random;
}

/**
 * Whom to upload to. Tit-for-tat (BEP 3): those interested who give us most, and one optimistic unchoke that moves every
 * 30 s, by which newcomers get a first piece. A seed, to whom nobody gives, serves those who waited longest.
 */
export class Choker<C extends Contender> {
  readonly #options: ChokerOptions;
  #optimistic: C | undefined;
  #optimisticSince = Number.NEGATIVE_INFINITY;

  constructor(options: ChokerOptions) {
    this.#options = options;
  }

  /** The connections to be unchoked for the next round; all others are to be choked. */
  choose(contenders: readonly C[], isSeeding: boolean, now: number): Set<C> {
    const { kind, random } = this.#options;
    const slots = this.#options.slots();
    const interested = contenders.filter((one) => one.isInterested);
    const shuffled = sample(interested, interested.length, random);
    if (kind === "random") return new Set(shuffled.slice(0, slots + 1));
    const ranked = isSeeding
      ? shuffled.sort((a, b) => a.lastUnchokedAt - b.lastUnchokedAt)
      : shuffled.sort((a, b) => Number(a.snubbed) - Number(b.snubbed) || b.givesRate(now) - a.givesRate(now));
    const chosen = new Set(ranked.slice(0, slots));
    this.#moveOptimistic(interested, chosen, now);
    if (this.#optimistic) chosen.add(this.#optimistic);
    return chosen;
  }

  /** Between rounds: fills slots that stand empty, so that nobody waits ten seconds for a free one. */
  fill(contenders: readonly C[], unchokedCount: number): C[] {
    const free = this.#options.slots() + 1 - unchokedCount;
    return free <= 0
      ? []
      : sample(
          contenders.filter((one) => one.isInterested),
          free,
          this.#options.random,
        );
  }

  #moveOptimistic(interested: readonly C[], chosen: ReadonlySet<C>, now: number): void {
    const stands = this.#optimistic && interested.includes(this.#optimistic) && !chosen.has(this.#optimistic);
    if (stands && now - this.#optimisticSince < LIMITS.peer.optimisticMs) return;
    const others = interested.filter((one) => !chosen.has(one));
    this.#optimistic = others[randomBelow(this.#options.random, others.length)];
    this.#optimisticSince = now;
  }
}
