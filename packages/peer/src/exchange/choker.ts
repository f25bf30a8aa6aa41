import { type Random, randomBelow, sample } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import type { SlotRules } from "./slot-rules.ts";

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
export class Choker<C extends Contender> implements SlotRules<C> {
  readonly #options: ChokerOptions;
  readonly #optimistic: OptimisticSlot<C>;

  constructor(options: ChokerOptions) {
    this.#options = options;
    this.#optimistic = new OptimisticSlot(options.random);
  }

  choose(contenders: readonly C[], isComplete: boolean, now: number): Set<C> {
    const { kind, random } = this.#options;
    const slots = this.#options.slots();
    const interested = contenders.filter((one) => one.isInterested);
    const shuffled = sample(interested, interested.length, random);
    if (kind === "random") return new Set(shuffled.slice(0, slots + 1));
    const ranked = isComplete
      ? shuffled.sort((a, b) => a.lastUnchokedAt - b.lastUnchokedAt)
      : shuffled.sort((a, b) => Number(a.snubbed) - Number(b.snubbed) || b.givesRate(now) - a.givesRate(now));
    const chosen = new Set(ranked.slice(0, slots));
    const optimistic = this.#optimistic.move(interested, chosen, now);
    if (optimistic) chosen.add(optimistic);
    return chosen;
  }

  /** Slots that stand empty are filled, so that nobody waits ten seconds for a free one. */
  fill(waiting: readonly C[], served: readonly C[]): C[] {
    const free = this.#options.slots() + 1 - served.length;
    return free <= 0
      ? []
      : sample(
          waiting.filter((one) => one.isInterested),
          free,
          this.#options.random,
        );
  }

  isKeptInMidPiece(): boolean {
    return false;
  }

  /** Turns last from round to round. */
  isTurnOver(): boolean {
    return false;
  }
}

/** One slot for anybody, by which newcomers get a first piece: it moves every 30 s. */
export class OptimisticSlot<C> {
  readonly #random: Random;
  #holder: C | undefined;
  #since = Number.NEGATIVE_INFINITY;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Who has it now, none of those who are chosen anyway. */
  move(interested: readonly C[], chosen: ReadonlySet<C>, now: number): C | undefined {
    const stands = this.#holder && interested.includes(this.#holder) && !chosen.has(this.#holder);
    if (stands && now - this.#since < LIMITS.peer.optimisticMs) return this.#holder;
    const others = interested.filter((one) => !chosen.has(one));
    this.#holder = others[randomBelow(this.#random, others.length)];
    this.#since = now;
    return this.#holder;
  }
}
