import type { ClaimMessage } from "@cachetorrent/protocol";

/** A round trip before it is measured, and the longest that is believed. */
export const FIRST_RTT_MS = 50;
const SLOWEST_RTT_MS = 5000;
/** An eighth of each new one, as TCP smooths them (RFC 6298). */
const SHARE_OF_NEW = 1 / 8;
/** Claims whose answer is waited for; the oldest is forgotten. */
const WAITING_MOST = 64;

/** How long the head takes to answer a claim, smoothed. */
export class HeadTrip {
  /** By the claim's number: when it was sent. */
  readonly #sentAt = new Map<number, number>();
  #rttMs = FIRST_RTT_MS;

  get rttMs(): number {
    return this.#rttMs;
  }

  sent(body: ClaimMessage, now: number): void {
    if (body.m !== "claim") return;
    this.#sentAt.set(body.q, now);
    const [oldest] = this.#sentAt.keys();
    if (this.#sentAt.size > WAITING_MOST && oldest !== undefined) this.#sentAt.delete(oldest);
  }

  received(body: ClaimMessage, now: number): void {
    if (body.m !== "grant" && body.m !== "deny") return;
    const sentAt = this.#sentAt.get(body.q);
    if (sentAt === undefined) return;
    this.#sentAt.delete(body.q);
    this.#rttMs += (Math.min(now - sentAt, SLOWEST_RTT_MS) - this.#rttMs) * SHARE_OF_NEW;
  }
}
