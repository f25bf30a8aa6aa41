import { type Random, randomBelow, sample } from "@cachetorrent/clock";
import { type CtCacheMessage, type Endpoint, formatEndpoint, LIMITS } from "@cachetorrent/protocol";
import { Destinations } from "./destinations.ts";
import type { LeaderLink } from "./leader-link.ts";

const { cache } = LIMITS;
/** A leader that has no room, or needs nobody outside, is not asked for more at once … */
const FULL_MS = 30_000;
/** … nor is one that does not know yet that it leads. */
const NOT_YET_MS = 2000;

/** Which leader is asked to reach which outside peer. */
export class Assignments {
  readonly #random: Random;
  readonly #destinations = new Destinations();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Outside peers were learnt of. */
  learn(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#destinations.learn(endpoint);
  }

  /** To the leaders of one range, out of `all`; in every range the same destinations, as far as they go. */
  assign(links: readonly LeaderLink[], all: readonly LeaderLink[], now: number): void {
    const taken = keysOf(links);
    const elsewhere = keysOf(all);
    const free = this.#destinations.available(now).filter((dest) => !taken.has(formatEndpoint(dest)));
    const begun = free.filter((dest) => elsewhere.has(formatEndpoint(dest)));
    const others = free.filter((dest) => !elsewhere.has(formatEndpoint(dest)));
    for (const dest of [...this.#some(begun, taken.size), ...this.#some(others, elsewhere.size)]) {
      const usable = links.filter((link) => link.isUsable(now));
      const fresh = usable.filter((link) => !this.#destinations.wasGivenUpBy(dest, link.peerId));
      const choice = fresh.length > 0 ? fresh : usable;
      choice[randomBelow(this.#random, choice.length)]?.ask(dest, now);
    }
  }

  /** Any answer will do: `leader_started` for what stands, or a refusal. No other leader is asked for the same. */
  askIfThere(link: LeaderLink, all: readonly LeaderLink[], now: number): void {
    const [standing] = link.destinations.values();
    const dest = standing ?? this.#free(all, now);
    if (dest && !link.isDistrusted) link.ask(dest, now);
  }

  refused(link: LeaderLink, { dest, why }: CtCacheMessage & { m: "leader_refused" }, now: number): void {
    link.without(dest);
    switch (why) {
      case "unreachable":
      case "same AS":
        this.#destinations.rest(dest, now + cache.unreachableMs);
        return;
      case "not in this swarm":
        // Perhaps only because the leader's tracker was away for a moment.
        this.#destinations.rest(dest, now + LIMITS.tracker.minIntervalMs);
        return;
      case "full":
      case "complete":
        link.fullUntil = now + FULL_MS;
        return;
      case "not leading":
        link.fullUntil = now + NOT_YET_MS;
        return;
      case "not my AS":
        link.distrust(now);
    }
  }

  /** The leader reaches it no more. What it forwarded may be gone, and it is no fault of its own not to serve that. */
  stopped(link: LeaderLink, dest: Endpoint): void {
    link.without(dest);
    link.isExcused = true;
    this.#destinations.givenUp(dest, link.peerId);
  }

  /** The leader is there, and does not say whether it reaches it. */
  leftUnanswered(link: LeaderLink, dest: Endpoint, now: number): void {
    link.without(dest);
    link.fullUntil = now + FULL_MS;
    this.#destinations.givenUp(dest, link.peerId);
  }

  /** As many as may be asked for beside so many that are asked for already. */
  #some(dests: readonly Endpoint[], inUse: number): Endpoint[] {
    return sample(dests, Math.max(0, cache.destinationsPerFollower - inUse), this.#random);
  }

  /** One that nobody is asked for, if one more may be. */
  #free(all: readonly LeaderLink[], now: number): Endpoint | undefined {
    const taken = keysOf(all);
    if (taken.size >= cache.destinationsPerFollower) return undefined;
    return this.#destinations.available(now).find((dest) => !taken.has(formatEndpoint(dest)));
  }
}

function keysOf(links: readonly LeaderLink[]): Set<string> {
  return new Set(links.flatMap((link) => link.asked.map(formatEndpoint)));
}
