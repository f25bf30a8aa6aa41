import { LIMITS } from "@cachetorrent/protocol";
import { FloodMeter } from "./flood-meter.ts";
import { MESSAGE_ID } from "./message.ts";

/**
 * Notices a peer that sends control messages without end: each costs us a look at all connections, or an answer, and brings
 * nothing. Whoever sends little else must not keep us busy with it.
 */
export class ControlFlood {
  readonly #meter: FloodMeter;

  constructor(now: number) {
    this.#meter = new FloodMeter(LIMITS.peer.controlMessagesPerSecond, now);
  }

  /** Counts a message that came while we were choking the peer, or were not; true when it is one too many. */
  isMadeBy(message: Uint8Array, isChoking: boolean, now: number): boolean {
    const cost = costOf(message, isChoking);
    return cost > 0 && this.#meter.isExceededBy(cost, now);
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
