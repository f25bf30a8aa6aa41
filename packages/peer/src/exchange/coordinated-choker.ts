import { sample } from "@cachetorrent/clock";
import type { ChokerOptions, Contender } from "./choker.ts";
import type { SlotRules, Turn } from "./slot-rules.ts";

/** A slot for which its side has no taker is lent to the other side after this time. */
const UNUSED_SLOT_MS = 1000;

export interface CoordinatedContender extends Contender {
  readonly speaksCtCache: boolean;
  /** When it last had a slot: now, if it has one; minus infinity, if it never had. */
  lastServedAt(now: number): number;
}

export interface CoordinatedChokerOptions<C> extends ChokerOptions {
  /** Is it of another AS? */
  isOutside(contender: C): boolean;
  /** Members of our AS, ourselves included. */
  membersInAs(): number;
}

type Side = "inside" | "outside";

/**
 * Who fetches from outside passes on what it got: a slot that stayed with one member for a whole round would leave the spreading in
 * its AS to that one's uplink. Less than this would choke somebody after each piece where pieces are slow.
 */
const OUTSIDE_TURN_MS = 2000;
const OUTSIDE_TURN_PIECES = 4;

/** From so many members of its AS on, an unfinished one gives nothing to stock clients of others. */
const MEMBERS_THAT_SHARE = 3;

/**
 * Slots under `coordinated`. Ours are for our own AS, where the one copy that came in is to spread, and one is for the others: an AS
 * that gave nothing would starve those who wait for its pieces. A slot that stands unused is lent, until the next round finds a
 * taker on its own side.
 */
export class CoordinatedChoker<C extends CoordinatedContender> implements SlotRules<C> {
  readonly #options: CoordinatedChokerOptions<C>;
  /** Since when each side has had fewer takers than slots. */
  readonly #unusedSince = new Map<Side, number>();

  constructor(options: CoordinatedChokerOptions<C>) {
    this.#options = options;
  }

  choose(contenders: readonly C[], isComplete: boolean, now: number): Set<C> {
    const inside = this.#takers("inside", contenders, isComplete, now);
    const outside = this.#takers("outside", contenders, isComplete, now);
    const chosen = new Set([...inside.slice(0, this.#slotsOf("inside")), ...outside.slice(0, OUTSIDE_SLOTS)]);
    this.#noteUse(inside.length, outside.length, now);
    const lent = [
      ...(this.#isLent("outside", now) ? inside : []),
      ...(this.#isLent("inside", now) ? outside : []),
    ];
    for (const one of lent) if (chosen.size < this.#total) chosen.add(one);
    return chosen;
  }

  fill(waiting: readonly C[], served: readonly C[], isComplete: boolean, now: number): C[] {
    const servedOn = (side: Side) => served.filter((one) => this.#sideOf(one) === side).length;
    const wanting = {
      inside: this.#wanting("inside", waiting, isComplete),
      outside: this.#wanting("outside", waiting, isComplete),
    };
    const filled: C[] = [];
    const give = (side: Side, most: number): void => {
      const free = Math.min(most, this.#total - served.length - filled.length);
      // Asked many times a second, and mostly nothing is free: to put them in order for that would be in vain.
      if (free <= 0 || wanting[side].length === 0) return;
      const takers = this.#inTurn(wanting[side], now).filter((one) => !filled.includes(one));
      filled.push(...takers.slice(0, free));
    };
    give("inside", this.#slotsOf("inside") - servedOn("inside"));
    give("outside", this.#slotsOf("outside") - servedOn("outside"));
    const takers = (side: Side) => servedOn(side) + wanting[side].length;
    this.#noteUse(takers("inside"), takers("outside"), now);
    if (this.#isLent("outside", now)) give("inside", this.#total);
    if (this.#isLent("inside", now)) give("outside", this.#total);
    return filled;
  }

  /** What is cut there is fetched again from another AS, or waits: inside, an interrupted piece is soon gone on with. */
  isKeptInMidPiece(contender: C): boolean {
    return this.#sideOf(contender) === "outside";
  }

  isTurnOver(served: C, { ms, pieces }: Turn, waiting: () => readonly C[], isComplete: boolean): boolean {
    if (ms < OUTSIDE_TURN_MS || pieces < OUTSIDE_TURN_PIECES || this.#sideOf(served) === "inside")
      return false;
    return waiting().some(
      (one) => one.isInterested && this.#sideOf(one) === "outside" && this.#mayHaveSlot(one, isComplete),
    );
  }

  get #total(): number {
    return this.#slotsOf("inside") + this.#slotsOf("outside");
  }

  #slotsOf(side: Side): number {
    return side === "outside" ? OUTSIDE_SLOTS : this.#options.slots();
  }

  #sideOf(contender: C): Side {
    return this.#options.isOutside(contender) ? "outside" : "inside";
  }

  /** Who of a side wants a slot and may have one, the first to get one in front. */
  #takers(side: Side, contenders: readonly C[], isComplete: boolean, now: number): C[] {
    return this.#inTurn(this.#wanting(side, contenders, isComplete), now);
  }

  /** Who of a side wants a slot and may have one. */
  #wanting(side: Side, contenders: readonly C[], isComplete: boolean): C[] {
    return contenders.filter(
      (one) => one.isInterested && this.#sideOf(one) === side && this.#mayHaveSlot(one, isComplete),
    );
  }

  /** Who has waited longest since it last had a slot comes first, equals at random. */
  #inTurn(wanting: readonly C[], now: number): C[] {
    const { kind, random } = this.#options;
    const shuffled = sample(wanting, wanting.length, random);
    return kind === "random"
      ? shuffled
      : shuffled.sort((a, b) => compareNumbers(a.lastServedAt(now), b.lastServedAt(now)));
  }

  /** An unfinished member fetches the n-th part of a copy from outside, and would give stock clients there far more. */
  #mayHaveSlot(contender: C, isComplete: boolean): boolean {
    if (isComplete || contender.speaksCtCache || this.#sideOf(contender) === "inside") return true;
    return this.#options.membersInAs() < MEMBERS_THAT_SHARE;
  }

  #noteUse(insideTakers: number, outsideTakers: number, now: number): void {
    for (const [side, takers] of [
      ["inside", insideTakers],
      ["outside", outsideTakers],
    ] as const) {
      if (takers >= this.#slotsOf(side)) this.#unusedSince.delete(side);
      else if (!this.#unusedSince.has(side)) this.#unusedSince.set(side, now);
    }
  }

  #isLent(side: Side, now: number): boolean {
    return now - (this.#unusedSince.get(side) ?? Number.POSITIVE_INFINITY) >= UNUSED_SLOT_MS;
  }
}

const OUTSIDE_SLOTS = 1;

/** Also of infinities, whose difference would be no number. */
function compareNumbers(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
