import { LIMIT_NAMES, type LimitName, type RateLimits } from "./rate-limits.ts";
import { TokenBucket } from "./token-bucket.ts";

/** Several limits that hold at the same time: a block waits until all of them let it pass. */
export class Throttle {
  readonly #buckets: readonly TokenBucket[];

  constructor(buckets: readonly TokenBucket[]) {
    this.#buckets = buckets;
  }

  /** Takes the tokens of `bytes` from every bucket, or, if one of them is empty, from none. */
  take(bytes: number, now: number): boolean {
    if (this.waitMs(now) > 0) return false;
    for (const bucket of this.#buckets) bucket.take(bytes, now);
    return true;
  }

  /** Milliseconds until `take` succeeds. */
  waitMs(now: number): number {
    let wait = 0;
    for (const bucket of this.#buckets) wait = Math.max(wait, bucket.waitMs(now));
    return wait;
  }
}

/** One bucket for each limit, of a process or of a torrent. */
export class RateBuckets {
  readonly #buckets = new Map<LimitName, TokenBucket>();

  constructor(limits: RateLimits, now: number) {
    for (const name of LIMIT_NAMES) this.#buckets.set(name, new TokenBucket(limits[name], now));
  }

  set(limits: RateLimits, now: number): void {
    for (const [name, bucket] of this.#buckets) bucket.setRate(limits[name], now);
  }

  /** The buckets that a block of this direction and side has to pass. */
  of(direction: "up" | "down", side: "internal" | "external"): TokenBucket[] {
    return [this.#bucket(direction), this.#bucket(`${direction}-${side}`)];
  }

  #bucket(name: LimitName): TokenBucket {
    return this.#buckets.get(name) as TokenBucket;
  }
}
