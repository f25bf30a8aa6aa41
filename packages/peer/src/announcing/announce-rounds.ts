import type { Clock, Random, Timer } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  CtError,
  type PeerId,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { pause } from "./pause.ts";
import { Tiers } from "./tiers.ts";
import { type TrackerDetails, trackerDetails, unaskedTracker } from "./tracker-details.ts";
import { trackerOf } from "./tracker-of.ts";
import { TrackerState } from "./tracker-state.ts";

export interface AnnounceRoundsOptions {
  /** BEP 12: tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly request: (event: AnnounceEvent | undefined, stalled: PeerId | undefined) => AnnounceRequest;
  readonly onAnswer: (tracker: TrackerState, answer: AnnounceAnswer, askedAt: number) => void;
  readonly onFailure: (error: CtError, retryInMs: number) => void;
}

/** All trackers together are told within this time that the peer stops; a hanging one costs no more. */
const FAREWELL_MS = 2_500;
/** The next tracker is asked when one is silent for so long; over UDP it may take minutes until that one has failed. */
const PATIENCE_MS = 16_000;

/** Announces to the trackers of one torrent: whom, when, and with which event. What the answers mean is not its business. */
export class AnnounceRounds {
  readonly #options: AnnounceRoundsOptions;
  readonly #tiers: Tiers;
  readonly #trackers = new Map<string, TrackerState>();
  /** Why trackers are left out, by their URLs. */
  readonly #faults = new Map<string, string>();
  readonly #running = new AbortController();
  readonly #reports: PeerId[] = [];
  #favourite: TrackerState | undefined;
  #started = false;
  #completed = false;
  #walking = false;
  #awaitingWalk: (() => void)[] = [];
  #timer: Timer | undefined;
  #stopped: Promise<void> | undefined;

  constructor(options: AnnounceRoundsOptions) {
    this.#options = options;
    this.#tiers = new Tiers(options.tiers, options.random);
  }

  /** Aborts when the rounds end. */
  get signal(): AbortSignal {
    return this.#running.signal;
  }

  /** Once started: is there a tracker of a kind that we speak? */
  get hasTracker(): boolean {
    return this.#trackers.size > 0;
  }

  /** Undefined while a tracker works, and before the first that was asked has answered or failed. */
  get trouble(): "unreachable" | "refused" | undefined {
    const asked = [...this.#trackers.values()].filter(({ result }) => result !== undefined);
    if (asked.length === 0 || asked.some(({ working }) => working)) return undefined;
    return asked.some(({ refuses }) => refuses) ? "refused" : "unreachable";
  }

  /** Every tracker has failed twice in a row: an answer is not to be expected soon. */
  get areAllGone(): boolean {
    return this.hasTracker && [...this.#trackers.values()].every(({ isGone }) => isGone);
  }

  /** All trackers of the tiers, in the order to try them. */
  get details(): TrackerDetails[] {
    const now = this.#options.clock.now();
    const planned = new Set(this.signal.aborted ? [] : this.#asking());
    return this.#tiers.order.map((url) => {
      const tracker = this.#trackers.get(url);
      if (!tracker) return unaskedTracker(url, this.#faults.get(url));
      const isPlanned = planned.has(tracker) && !tracker.asked;
      return trackerDetails(tracker, isPlanned ? Math.round(this.#nextAt(tracker, now) - now) : null);
    });
  }

  /** Trackers of a kind we do not speak are left out, with a line in the log. Idempotent. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { clock, localAddress, log, random } = this.#options;
    for (const url of this.#tiers.order) {
      try {
        const client = trackerOf({
          announceUrl: url,
          clock,
          random,
          log,
          ...(localAddress ? { localAddress } : {}),
        });
        this.#trackers.set(url, new TrackerState(url, client));
      } catch (error) {
        if (!(error instanceof CtError)) throw error;
        this.#faults.set(url, error.message);
        log.warn({ event: "tracker" }, `${error.message}: left out`);
      }
    }
    const { leftOut } = this.#tiers;
    if (leftOut > 0)
      log.warn({ event: "tracker", leftOut }, `${leftOut} of the torrent's trackers are left out`);
    if (this.#trackers.size === 0)
      log.warn({ event: "tracker" }, "the torrent has no tracker to announce to");
    this.#wake();
  }

  /** This tracker is asked when it is due, also when another one that works comes before it. */
  favour(tracker: TrackerState): void {
    this.#favourite = tracker;
  }

  /** Whether `a` stands before `b` in the tiers. */
  precedes(a: TrackerState, b: TrackerState): boolean {
    return this.#tiers.order.indexOf(a.url) < this.#tiers.order.indexOf(b.url);
  }

  /** Announces the event `completed` at once. */
  completed(): void {
    this.#completed = true;
    this.#wake();
  }

  /** Announces as soon as the min interval allows it. */
  announceNow(): void {
    for (const tracker of this.#trackers.values()) tracker.hurry(this.#options.clock.now());
    this.#wake();
  }

  /** Tells the favoured tracker of a stalled leader, at once, with an announce of its own. */
  report(leader: PeerId): void {
    // While the tracker is away they must not pile up.
    if (!this.#reports.includes(leader)) this.#reports.push(leader);
    this.#wake();
  }

  /** Announces the event `started` to a tracker that has forgotten us, at once. Resolves when that was tried. */
  introduceTo(tracker: TrackerState): Promise<void> {
    tracker.forgotUs();
    const walked = new Promise<void>((resolve) => {
      this.#awaitingWalk.push(resolve);
    });
    this.#wake();
    return walked;
  }

  /** Announces `stopped` to every tracker that knows us, within 2.5 s in all. Never rejects. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Ends without telling any tracker. Idempotent. */
  kill(): void {
    this.#end();
    this.#stopped ??= this.#closeClients();
  }

  #end(): void {
    this.#timer?.cancel();
    this.#running.abort();
    for (const resolve of this.#awaitingWalk.splice(0)) resolve();
  }

  async #closeClients(): Promise<void> {
    await Promise.all([...this.#trackers.values()].map(({ client }) => client.close()));
  }

  async #stop(): Promise<void> {
    const { clock, log, request } = this.#options;
    // Those with an announce under way are told too: it may have arrived although its answer has not.
    const told = [...this.#trackers.values()].filter(
      ({ answered, asked, client }) => answered || (asked && client.mayKnowUs),
    );
    this.#end();
    const farewell = new AbortController();
    const ending = clock.after(FAREWELL_MS, () => farewell.abort(), { keepAlive: true });
    await Promise.all(
      told.map(({ client }) =>
        client.announce(request("stopped", undefined), farewell.signal).catch((error: unknown) => {
          log.info({ err: error, event: "stopped" }, `tracker ${client.name} may not know that we stopped`);
        }),
      ),
    );
    ending.cancel();
    await this.#closeClients();
  }

  /** Sets the timer for whatever is due next. A round under way does it when it ends. */
  #wake(): void {
    if (this.#walking || !this.#started || this.#running.signal.aborted) return;
    const now = this.#options.clock.now();
    const next = Math.min(
      ...this.#asking()
        .filter(({ asked }) => !asked)
        .map((tracker) => this.#nextAt(tracker, now)),
    );
    this.#timer?.cancel();
    if (next < Number.POSITIVE_INFINITY) {
      this.#timer = this.#options.clock.after(Math.max(0, next - now), () => void this.#walk());
    }
  }

  /** One round of BEP 12: tracker after tracker, until one answers. */
  async #walk(): Promise<void> {
    const awaiting = this.#awaitingWalk.splice(0);
    this.#walking = true;
    for (const tracker of this.#asking()) {
      if (!this.#isDue(tracker, this.#options.clock.now())) continue;
      if (this.#running.signal.aborted || (await this.#answersInTime(tracker))) break;
    }
    this.#walking = false;
    for (const resolve of awaiting) resolve();
    this.#wake();
  }

  /** A silent tracker is waited for while others are asked; if it answers, it is the one of its tier from then on. */
  async #answersInTime(tracker: TrackerState): Promise<boolean> {
    const given = new AbortController();
    const announced = this.#announce(tracker);
    const silent = pause(this.#options.clock, PATIENCE_MS, AbortSignal.any([given.signal, this.signal]));
    const answered = await Promise.race([announced, silent.then(() => undefined)]);
    given.abort();
    if (answered === undefined) void announced.then(() => this.#wake());
    return answered ?? false;
  }

  /**
   * The trackers to talk to: in their order up to the first that works, always the favoured one, and once more those
   * further back that know of our start and not of our completion.
   */
  #asking(): TrackerState[] {
    const order = this.#tiers.order.flatMap((url) => this.#trackers.get(url) ?? []);
    const working = order.findIndex((tracker) => tracker.working);
    const asking = working < 0 ? order : order.slice(0, working + 1);
    const owed = order.filter((tracker) => !asking.includes(tracker) && this.#isOwedCompletion(tracker));
    const favourite = this.#favourite;
    const rest = [...asking, ...owed];
    return favourite && !rest.includes(favourite) ? [favourite, ...rest] : rest;
  }

  #isOwedCompletion({ working, knowsStart, knowsCompletion }: TrackerState): boolean {
    return this.#completed && working && knowsStart && !knowsCompletion;
  }

  #isDue(tracker: TrackerState, now: number): boolean {
    if (tracker.asked) return false;
    if (tracker.dueAt <= now) return true;
    if (!tracker.working) return false;
    return this.#eventFor(tracker) !== undefined || (tracker === this.#favourite && this.#reports.length > 0);
  }

  /** When one that is not being asked is to be. */
  #nextAt(tracker: TrackerState, now: number): number {
    return this.#isDue(tracker, now) ? now : tracker.dueAt;
  }

  #eventFor(tracker: TrackerState): AnnounceEvent | undefined {
    if (!tracker.knowsStart) return "started";
    return this.#completed && !tracker.knowsCompletion ? "completed" : undefined;
  }

  /** Once, not with every announce. */
  #tellWarning(tracker: TrackerState, warning: string | undefined): void {
    if (warning !== undefined && warning !== tracker.warning) {
      this.#options.log.warn({ event: "tracker" }, `tracker ${tracker.client.name} warns: ${warning}`);
    }
    tracker.warning = warning;
  }

  /** Resolves to whether the tracker answered. */
  async #announce(tracker: TrackerState): Promise<boolean> {
    const { clock, onAnswer, onFailure, random, request } = this.#options;
    const { signal } = this.#running;
    const event = this.#eventFor(tracker);
    const stalled = tracker === this.#favourite ? this.#reports.shift() : undefined;
    const askedAt = clock.now();
    tracker.asked = true;
    let answer: AnnounceAnswer;
    try {
      answer = await tracker.client.announce(request(event, stalled), signal);
    } catch (error) {
      if (!(error instanceof CtError)) throw error;
      if (!signal.aborted) onFailure(error, tracker.failed(error, clock.now(), random));
      return false;
    } finally {
      tracker.asked = false;
    }
    if (signal.aborted) return true;
    tracker.succeeded(answer, event, clock.now());
    this.#tellWarning(tracker, answer.warning);
    this.#tiers.promote(tracker.url);
    onAnswer(tracker, answer, askedAt);
    return true;
  }
}
