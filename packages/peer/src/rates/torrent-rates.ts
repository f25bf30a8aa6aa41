import type { Clock } from "@cachetorrent/clock";
import { type LimitChanges, NO_LIMITS, type RateLimits, withChanges } from "./rate-limits.ts";
import type { SessionRates } from "./session-rates.ts";
import { RateBuckets, Throttle } from "./throttle.ts";

/** The limits of one torrent, and what its blocks have to pass: those of the process, too. */
export class TorrentRates {
  readonly #clock: Clock;
  readonly #session: SessionRates;
  readonly #own: RateBuckets;
  readonly #throttles: Readonly<Record<"up" | "down", { internal: Throttle; external: Throttle }>>;
  #limits: RateLimits;

  constructor(session: SessionRates, clock: Clock, limits: LimitChanges = {}) {
    this.#clock = clock;
    this.#session = session;
    this.#limits = withChanges(NO_LIMITS, limits);
    this.#own = new RateBuckets(this.#limits, clock.now());
    const throttle = (direction: "up" | "down", side: "internal" | "external") =>
      new Throttle([...session.buckets.of(direction, side), ...this.#own.of(direction, side)]);
    const both = (direction: "up" | "down") => ({
      internal: throttle(direction, "internal"),
      external: throttle(direction, "external"),
    });
    this.#throttles = { up: both("up"), down: both("down") };
  }

  get limits(): RateLimits {
    return this.#limits;
  }

  /** Throws a RangeError for what is no rate. */
  set(changes: LimitChanges): void {
    this.#limits = withChanges(this.#limits, changes);
    this.#own.set(this.#limits, this.#clock.now());
    this.#session.changed();
  }

  up(isInternal: boolean): Throttle {
    return isInternal ? this.#throttles.up.internal : this.#throttles.up.external;
  }

  down(isInternal: boolean): Throttle {
    return isInternal ? this.#throttles.down.internal : this.#throttles.down.external;
  }
}
