import type { Random } from "@cachetorrent/clock";
import { type AnnounceAnswer, type AnnounceEvent, type CtError, LIMITS } from "@cachetorrent/protocol";
import type { Tracker } from "./tracker.ts";
import { TrackerFailure } from "./tracker-client.ts";

const SECOND = 1000;
const RETRY_FIRST_MS = 5 * SECOND;
const RETRY_MOST_MS = 300 * SECOND;
/** A tracker that answered before and vanished comes back: its members are there within 15 s of that. */
const RETRY_VANISHED_MOST_MS = 10 * SECOND;
/** What a tracker may ask for: no interval of 0 makes a busy loop, none of 2^53 overflows a timer. */
const INTERVAL_LEAST_MS = SECOND;
const INTERVAL_MOST_MS = 24 * 3600 * SECOND;

/** What the announcer remembers of one tracker, and when it may and should announce there. */
export class TrackerState {
  readonly url: string;
  readonly client: Tracker;
  /** The last announce was answered. */
  working = false;
  /** The last announce was answered with a refusal. */
  refuses = false;
  /** It answered at least once. */
  answered = false;
  /** An announce is under way. */
  asked = false;
  /** It was told of our start since it last forgot us, and of our completion. */
  knowsStart = false;
  knowsCompletion = false;
  /** When the next announce, or the next try, is due. */
  dueAt = 0;
  /** The `warning message` of its last answer (BEP 3). */
  warning: string | undefined;
  /** How the last announce went: `ok`, or the error's text. */
  result: string | undefined;
  /** As its last answer had them. */
  seeders: number | undefined;
  leechers: number | undefined;
  /** When it last answered. */
  answeredAt = 0;
  #earliestAt = 0;
  #failures = 0;

  constructor(url: string, client: Tracker) {
    this.url = url;
    this.client = client;
  }

  /** Announce as soon as the tracker's min interval allows. One that failed keeps the time of its next try. */
  hurry(now: number): void {
    if (this.working) this.dueAt = Math.min(this.dueAt, Math.max(now, this.#earliestAt));
  }

  /** It failed twice in a row: it was no moment between two of its runs. */
  get isGone(): boolean {
    return this.#failures >= 2;
  }

  /** It restarted, or let our membership expire. */
  forgotUs(): void {
    this.knowsStart = false;
    this.dueAt = 0;
  }

  succeeded(answer: AnnounceAnswer, event: AnnounceEvent | undefined, now: number): void {
    const intervalMs = clamp(answer.interval * SECOND, INTERVAL_LEAST_MS, INTERVAL_MOST_MS);
    const leastMs = (answer.minInterval ?? LIMITS.tracker.minIntervalMs / SECOND) * SECOND;
    this.working = true;
    this.refuses = false;
    this.result = "ok";
    this.seeders = answer.complete;
    this.leechers = answer.incomplete;
    this.answered = true;
    this.answeredAt = now;
    this.knowsStart = true;
    if (event === "completed") this.knowsCompletion = true;
    this.#failures = 0;
    this.dueAt = now + intervalMs;
    this.#earliestAt = now + clamp(leastMs, INTERVAL_LEAST_MS, intervalMs);
  }

  /** Returns in how many milliseconds the next try is due. */
  failed(error: CtError, now: number, random: Random): number {
    this.refuses = error instanceof TrackerFailure;
    const vanished = this.answered && !this.refuses;
    const most = vanished ? RETRY_VANISHED_MOST_MS : RETRY_MOST_MS;
    const full = Math.min(RETRY_FIRST_MS * 2 ** this.#failures, most);
    // Half to all of it: the peers of one tracker do not come back in step.
    const retryInMs = Math.round(full * (0.5 + random() / 2));
    this.working = false;
    this.result = error.message;
    this.#failures++;
    this.dueAt = now + retryInMs;
    return retryInMs;
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
