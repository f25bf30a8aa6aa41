import { type Endpoint, formatEndpoint, LIMITS, type PeerId } from "@cachetorrent/protocol";

/** So many are kept: as many as a tracker tells of at a time. */
const KNOWN_MOST = LIMITS.tracker.numwantMost;

/** The outside peers that a follower learnt of, and may ask its leaders to connect to. */
export class Destinations {
  readonly #known = new Map<string, Endpoint>();
  readonly #restUntil = new Map<string, number>();
  /** Which leader gave one up: another one is asked next. */
  readonly #gaveUp = new Map<string, PeerId>();

  /** The newest are kept. */
  learn(dest: Endpoint): void {
    const key = formatEndpoint(dest);
    this.#known.delete(key);
    this.#known.set(key, dest);
    if (this.#known.size <= KNOWN_MOST) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.forget(oldest);
  }

  forget(key: string): void {
    this.#known.delete(key);
    this.#restUntil.delete(key);
    this.#gaveUp.delete(key);
  }

  /** No leader is asked for it before. */
  rest(dest: Endpoint, until: number): void {
    const key = formatEndpoint(dest);
    if (this.#known.has(key)) this.#restUntil.set(key, until);
  }

  /** The leader does not reach it any more, or does not say. */
  givenUp(dest: Endpoint, leader: PeerId): void {
    const key = formatEndpoint(dest);
    if (this.#known.has(key)) this.#gaveUp.set(key, leader);
  }

  wasGivenUpBy(dest: Endpoint, leader: PeerId): boolean {
    return this.#gaveUp.get(formatEndpoint(dest)) === leader;
  }

  /** Those that may be asked for now. */
  available(now: number): Endpoint[] {
    return [...this.#known].filter(([key]) => (this.#restUntil.get(key) ?? 0) <= now).map(([, dest]) => dest);
  }
}
