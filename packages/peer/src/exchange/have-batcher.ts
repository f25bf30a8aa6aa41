import type { Clock, Timer } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";

/**
 * Gathers the pieces to be announced, since a `have` sent singly costs six times one that travels with ten others:
 * in a swarm of 700 they are most of all messages.
 */
export class HaveBatcher {
  readonly #clock: Clock;
  readonly #announce: (pieces: readonly number[]) => void;
  #pieces: number[] = [];
  #timer: Timer | undefined;

  constructor(clock: Clock, announce: (pieces: readonly number[]) => void) {
    this.#clock = clock;
    this.#announce = announce;
  }

  add(piece: number): void {
    this.#pieces.push(piece);
    if (this.#pieces.length >= PIECES_A_BATCH) this.flush();
    else this.#timer ??= this.#clock.after(LIMITS.peer.haveDelayMs, () => this.flush());
  }

  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#pieces.length === 0) return;
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#announce(pieces);
  }
}

/** A full batch does not wait. */
const PIECES_A_BATCH = 16;
