import type { Clock } from "@cachetorrent/clock";
import fc from "fast-check";

/** What becomes of one message: when each copy of it arrives, in ms. None: it is lost. Two: it comes twice. */
export type Fate = readonly number[];

/** From one network's breath to later than a poll is waited for; so messages overtake each other. */
const someDelay = fc.oneof(fc.nat(50), fc.nat(2000), fc.nat(40_000));

/** Of all messages in turn, and round again. */
export const someFates: fc.Arbitrary<readonly Fate[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(someDelay) },
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 2, arbitrary: fc.tuple(someDelay, someDelay) },
  ),
  { minLength: 1, maxLength: 40, size: "max" },
);

/** Between members and their tracker: loses, delays, repeats and reorders, until it is made reliable. */
export class LossyChannel {
  isReliable = false;
  readonly #clock: Clock;
  readonly #fates: readonly Fate[];
  #sent = 0;

  constructor(clock: Clock, fates: readonly Fate[]) {
    this.#clock = clock;
    this.#fates = fates;
  }

  send(arrive: () => void): void {
    const fate = this.isReliable ? [1] : (this.#fates[this.#sent++ % this.#fates.length] ?? []);
    for (const delayMs of fate) this.#clock.after(delayMs, arrive);
  }
}
