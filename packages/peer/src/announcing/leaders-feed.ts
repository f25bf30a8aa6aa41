import type { Clock, Random } from "@cachetorrent/clock";
import type { CtAnswer, InfoHash, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { pause } from "./pause.ts";
import type { Tracker } from "./tracker.ts";
import { TrackerFailure } from "./tracker-client.ts";

export interface LeadersFeedOptions {
  readonly client: Tracker;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The newest term known, 0 for none. */
  readonly term: () => number;
  readonly onCt: (ct: CtAnswer, askedAt: number) => void;
  /** The tracker does not know this peer: announce, whatever the interval. Resolves when that is answered or failed. */
  readonly onUnknownPeer: () => Promise<void>;
  /** The tracker has no poll to spare: announce when the interval allows it. */
  readonly onPollByAnnouncing: () => void;
}

const SECOND = 1000;
/** A tracker that restarts has forgotten its members: they must not all announce in one instant. */
const UNKNOWN_PEER_JITTER_MS = 2 * SECOND;
/** So that a restarted tracker has its members again within seconds … */
const RETRY_MS = [SECOND, 3 * SECOND] as const;
/** … and one that stays away is asked less. */
const RETRIES_AT_FIRST = 60;
const LATER_RETRY_MS = [5 * SECOND, 10 * SECOND] as const;
/** A refusal (but for the two that have a meaning) will not pass soon. */
const REFUSED_RETRY_MS = [30 * SECOND, 60 * SECOND] as const;
const POLL_BY_ANNOUNCING_MS = [60 * SECOND, 90 * SECOND] as const;
/** Announces in a minute until the tracker is asked for a poll again. */
const ANNOUNCES_BEFORE_POLLING = 5;
/** A tracker that answers every poll at once must not make us a busy loop: the least time between two polls. */
const PACE_MS = { newTerm: 100, nothingNew: SECOND } as const;

/** The long poll for the leaders of our electorate, one request after the other from `start` to `stop`. */
export class LeadersFeed {
  readonly #options: LeadersFeedOptions;
  #running: AbortController | undefined;
  #asking: AbortController | undefined;
  #failures = 0;
  #unknown = 0;

  constructor(options: LeadersFeedOptions) {
    this.#options = options;
  }

  /** Idempotent. */
  start(): void {
    if (this.#running) return;
    const running = new AbortController();
    this.#running = running;
    void this.#run(running.signal);
  }

  /** Ends the poll in flight. Idempotent; may be started again. */
  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#asking?.abort();
    this.#asking = undefined;
  }

  /** One question out of turn: somebody knows a newer term. With a poll open the tracker has told us already. */
  ask(): void {
    if (this.#running || !this.#options.client.hasFeed) return;
    const asking = new AbortController();
    this.#asking?.abort();
    this.#asking = asking;
    void this.#poll(asking.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) await this.#poll(signal);
  }

  async #poll(signal: AbortSignal): Promise<void> {
    const { client, clock, infoHash, peerId } = this.#options;
    const askedAt = clock.now();
    const term = this.#options.term();
    let ct: CtAnswer;
    try {
      ct = await client.leaders({ infoHash, peerId, term }, signal);
    } catch (error) {
      if (!signal.aborted) await this.#failed(error, signal);
      return;
    }
    if (signal.aborted) return;
    this.#failures = 0;
    this.#unknown = 0;
    this.#options.onCt(ct, askedAt);
    const pace = (ct.leaders?.term ?? 0) > term ? PACE_MS.newTerm : PACE_MS.nothingNew;
    await pause(clock, Math.max(0, askedAt + pace - clock.now()), signal);
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const reason = error instanceof TrackerFailure ? error.reason : undefined;
    if (reason === "unknown peer") return this.#announceAgain(signal);
    if (reason === "poll by announcing") return this.#pollByAnnouncing(signal);
    this.#failures++;
    // The tracker that vanished is told once, not every two seconds.
    log[this.#failures === 1 ? "info" : "debug"](
      { err: error, event: "feed" },
      "the leaders feed is interrupted",
    );
    const soon = this.#failures <= RETRIES_AT_FIRST ? RETRY_MS : LATER_RETRY_MS;
    await this.#wait(reason === undefined ? soon : REFUSED_RETRY_MS, signal);
  }

  /** The first time at once; a tracker that goes on not knowing us after we announced is asked ever less. */
  async #announceAgain(signal: AbortSignal): Promise<void> {
    this.#failures = 0;
    const longer = this.#unknown === 0 ? 0 : Math.min(60 * SECOND, 2 ** this.#unknown * SECOND);
    this.#unknown++;
    await this.#wait([longer, longer + UNKNOWN_PEER_JITTER_MS], signal);
    if (!signal.aborted) await this.#options.onUnknownPeer();
  }

  async #pollByAnnouncing(signal: AbortSignal): Promise<void> {
    this.#options.log.info({ event: "feed" }, "the tracker has no long poll to spare: polling by announcing");
    for (let i = 0; i < ANNOUNCES_BEFORE_POLLING && !signal.aborted; i++) {
      await this.#wait(POLL_BY_ANNOUNCING_MS, signal);
      if (!signal.aborted) this.#options.onPollByAnnouncing();
    }
  }

  #wait([least, most]: readonly [number, number], signal: AbortSignal): Promise<void> {
    return pause(this.#options.clock, least + this.#options.random() * (most - least), signal);
  }
}
