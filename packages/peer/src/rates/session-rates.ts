import type { Clock, Timer } from "@cachetorrent/clock";
import { formatRate } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { LIMIT_NAMES, type LimitChanges, NO_LIMITS, type RateLimits, withChanges } from "./rate-limits.ts";
import { limitsAt, type ScheduleEntry } from "./schedule.ts";
import { RateBuckets } from "./throttle.ts";

/** Entries of a schedule begin and end with a minute. */
const MINUTE_MS = 60_000;

/** The limits of a process over all its torrents: those that were set, changed by a schedule as time goes by. */
export class SessionRates {
  readonly buckets: RateBuckets;
  readonly #clock: Clock;
  readonly #log: Logger;
  #set: RateLimits;
  #schedule: readonly ScheduleEntry[];
  #inForce: RateLimits;
  #timer: Timer | undefined;
  readonly #watchers = new Set<() => void>();
  #isStopped = false;

  constructor(clock: Clock, log: Logger, limits: LimitChanges = {}, schedule: readonly ScheduleEntry[] = []) {
    this.#clock = clock;
    this.#log = log;
    this.#set = withChanges(NO_LIMITS, limits);
    this.#schedule = schedule;
    this.#inForce = limitsAt(this.#set, schedule, clock.now());
    this.buckets = new RateBuckets(this.#inForce, clock.now());
    this.#awaitMinute();
  }

  /** As they are now, by the schedule too. */
  get limits(): RateLimits {
    return this.#inForce;
  }

  /** Throws a RangeError for what is no rate. Without `schedule` the one that stands goes on. */
  set(changes: LimitChanges, schedule = this.#schedule): void {
    this.#set = withChanges(this.#set, changes);
    this.#schedule = schedule;
    this.#apply("set");
    this.#awaitMinute();
  }

  /** Called whenever a limit has changed: who waits for tokens may wait too long. */
  onChange(watcher: () => void): void {
    this.#watchers.add(watcher);
  }

  /** A limit of a torrent has changed. */
  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #apply(why: "set" | "schedule"): void {
    const now = this.#clock.now();
    const before = this.#inForce;
    this.#inForce = limitsAt(this.#set, this.#schedule, now);
    const names = LIMIT_NAMES.filter((name) => before[name] !== this.#inForce[name]);
    if (names.length === 0) return;
    this.buckets.set(this.#inForce, now);
    this.changed();
    const words = names.map((name) => `${name} ${rateWords(this.#inForce[name])}`).join(", ");
    this.#log.info({ event: "limits", why }, `limits that have changed: ${words}`);
  }

  #awaitMinute(): void {
    this.#timer?.cancel();
    if (this.#schedule.length === 0 || this.#isStopped) return;
    const waitMs = MINUTE_MS - (this.#clock.now() % MINUTE_MS);
    this.#timer = this.#clock.after(waitMs, () => {
      this.#apply("schedule");
      this.#awaitMinute();
    });
  }
}

function rateWords(rate: number): string {
  return rate === Number.POSITIVE_INFINITY ? "none" : formatRate(rate);
}
