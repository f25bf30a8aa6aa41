import type { ClaimMessage } from "@cachetorrent/protocol";

/** A round trip before it is measured, and the longest that is believed. */
export const FIRST_RTT_MS = 50;
const SLOWEST_RTT_MS = 5000;
/** An eighth of each new one, as TCP smooths them (RFC 6298). */
const SHARE_OF_NEW = 1 / 8;

/** How long the head takes to answer a claim, smoothed. */
export class HeadTrip {
  #askedAt = 0;
  #rttMs = FIRST_RTT_MS;

  get rttMs(): number {
    return this.#rttMs;
  }

  sent({ m }: ClaimMessage, now: number): void {
    if (m === "claim") this.#askedAt = now;
  }

  received({ m }: ClaimMessage, now: number): void {
    if (m !== "grant" && m !== "deny") return;
    this.#rttMs += (Math.min(now - this.#askedAt, SLOWEST_RTT_MS) - this.#rttMs) * SHARE_OF_NEW;
  }
}
