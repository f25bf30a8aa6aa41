import type { Clock, Timer } from "@cachetorrent/clock";

const SWEEP_MS = 250;
/** Of a torrent at rest: a peer may have a thousand of them. */
const REST_SWEEP_MS = 2000;

/** Has a torrent swept a few times a second, and every two seconds while nothing is going on in it. */
export class Sweeper {
  readonly #clock: Clock;
  readonly #sweep: () => void;
  readonly #isAtRest: () => boolean;
  #timer: Timer | undefined;
  #rests = false;

  constructor(clock: Clock, sweep: () => void, isAtRest: () => boolean) {
    this.#clock = clock;
    this.#sweep = sweep;
    this.#isAtRest = isAtRest;
  }

  start(): void {
    this.#set(false);
  }

  /** Something may be going on from now on. */
  wake(): void {
    if (this.#timer && this.#rests) this.#set(false);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #set(rests: boolean): void {
    this.#timer?.cancel();
    this.#rests = rests;
    this.#timer = this.#clock.every(rests ? REST_SWEEP_MS : SWEEP_MS, () => this.#tick());
  }

  #tick(): void {
    this.#sweep();
    const rests = this.#isAtRest();
    // It may have stopped the torrent.
    if (this.#timer && rests !== this.#rests) this.#set(rests);
  }
}
