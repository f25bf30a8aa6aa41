import { LIMITS } from "@cachetorrent/protocol";
import { RateMeter } from "../rates/rate-meter.ts";
import { MESSAGE_ID } from "./message.ts";

/** Over this time the rate of control messages is averaged. */
const CONTROL_WINDOW_MS = 10_000;

/**
 * Notices a peer that sends control messages without end: each costs us a look at all connections, or an answer, and brings
 * nothing. Whoever sends little else must not keep us busy with it.
 */
export class ControlFlood {
  readonly #rate: RateMeter;

  constructor(now: number) {
    // As if it had run for long: a burst, such as many haves at the start, is averaged over the whole window.
    this.#rate = new RateMeter(now - 10 * CONTROL_WINDOW_MS, CONTROL_WINDOW_MS);
  }

  /** Counts a message that came while we were choking the peer, or were not; true when it is one too many. */
  isMadeBy(message: Uint8Array, isChoking: boolean, now: number): boolean {
    const cost = costOf(message, isChoking);
    if (cost === 0) return false;
    this.#rate.add(cost, now);
    return this.#rate.rate(now) > LIMITS.peer.controlMessagesPerSecond;
  }
}

function costOf(message: Uint8Array, isChoking: boolean): number {
  switch (message[0]) {
    case MESSAGE_ID.choke:
    case MESSAGE_ID.unchoke:
    case MESSAGE_ID.interested:
    case MESSAGE_ID.uninterested:
    case MESSAGE_ID.have:
      return 1;
    case MESSAGE_ID.bitfield:
      // To read 64 pieces costs as much as one have.
      return 1 + (message.length - 1) / 8;
    case MESSAGE_ID.request:
      return isChoking ? 1 : 0;
    default:
      return 0;
  }
}
