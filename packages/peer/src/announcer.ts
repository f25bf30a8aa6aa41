import { randomBytes } from "node:crypto";
import type { Clock, Random, Timer } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceEvent,
  type AnnounceRequest,
  type Asn,
  type CtAnswer,
  CtError,
  type Endpoint,
  type InfoHash,
  type Leaders,
  LIMITS,
  type Located,
  type PeerId,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { LeadersFeed } from "./leaders-feed.ts";
import { Tiers } from "./tiers.ts";
import { TrackerClient } from "./tracker-client.ts";
import { TrackerState } from "./tracker-state.ts";

/** What an announce tells of the torrent, in bytes. */
export interface Progress {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly externalBytes: number;
  readonly internalBytes: number;
}

export interface AnnouncerOptions {
  /** BEP 12: tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The port it listens on. */
  readonly port: () => number;
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly progress: () => Progress;
  readonly numwant: () => number;
  /** Bytes/s. Absent: it is no candidate. */
  readonly capacity?: { readonly up: number; readonly down: number };
  /** Its endpoint inside a NAT'd site. */
  readonly local?: Endpoint;
  /** Every successful announce. Only the tracker that is obeyed has `ct` and AS numbers in its answers. */
  readonly onAnswer: (answer: AnnounceAnswer, announceUrl: string) => void;
  /** Every `ct` of the tracker that is obeyed, from announces and from the leaders feed; it may say nothing new. */
  readonly onCt: (ct: CtAnswer) => void;
  readonly onFailure: (error: CtError, retryInMs: number) => void;
}

/** All trackers together are told within this time that the peer stops; a hanging one costs no more. */
const FAREWELL_MS = 2_500;
/** How long the leaders of a tracker that went away stand before another tracker's are obeyed. */
const OBEDIENCE_MS = 120_000;

/**
 * One torrent's talk with its trackers: announces in the order of BEP 12, when their intervals say; the leaders feed
 * of the tracker it obeys, which is the first that answers with `ct`. The others give peers and nothing else.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #tiers: Tiers;
  readonly #trackers = new Map<string, TrackerState>();
  readonly #running = new AbortController();
  /** Proves to the tracker that a later announce is ours, from whatever address (BEP 7). */
  readonly #key = randomBytes(8).toString("hex");
  readonly #reportedAt = new Map<PeerId, number>();
  readonly #reports: PeerId[] = [];
  #started = false;
  #walking = false;
  #awaitingWalk: (() => void)[] = [];
  #timer: Timer | undefined;
  #completed = false;
  #stopped: Promise<void> | undefined;
  #obeyed: TrackerState | undefined;
  #feed: LeadersFeed | undefined;
  #feedNeeded = true;
  #ct: CtAnswer | undefined;
  #ctAt = 0;

  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#tiers = new Tiers(options.tiers, options.random);
  }

  /** The peer's AS as its tracker sees it; 0 until it says one. */
  get asn(): Asn {
    return this.#ct?.asn ?? UNKNOWN_ASN;
  }

  /** Undefined while no tracker has answered with `ct`. */
  get policy(): CtAnswer["policy"] | undefined {
    return this.#ct?.policy;
  }

  /** Undefined before the first election of its electorate. */
  get leaders(): Leaders | undefined {
    return this.#ct?.leaders;
  }

  /** The first announce. Trackers of a kind we do not speak are left out, with a line in the log. Idempotent. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { clock, localAddress, log } = this.#options;
    for (const url of this.#tiers.order) {
      try {
        const client = new TrackerClient({
          announceUrl: url,
          clock,
          log,
          ...(localAddress ? { localAddress } : {}),
        });
        this.#trackers.set(url, new TrackerState(url, client));
      } catch (error) {
        if (!(error instanceof CtError)) throw error;
        log.warn({ event: "tracker" }, `${error.message}: left out`);
      }
    }
    if (this.#trackers.size === 0)
      log.warn({ event: "tracker" }, "the torrent has no tracker to announce to");
    this.#wake();
  }

  /**
   * The last piece was verified: tells the tracker, and ends the feed of a peer that leads nothing. Not for a torrent
   * that was complete when it started (BEP 3).
   */
  completed(): void {
    this.#completed = true;
    // The feed ends first: a tracker counts a member's silence from the end of its feed or its last announce.
    this.#tendFeed();
    this.#wake();
  }

  /** Announces as soon as the tracker's min interval allows it. */
  announceNow(): void {
    for (const tracker of this.#trackers.values()) tracker.hurry(this.#options.clock.now());
    this.#wake();
  }

  /** Reports a leader with an announce of its own, at most once a minute for each leader. */
  reportStalled(leader: PeerId): void {
    const now = this.#options.clock.now();
    for (const [id, at] of this.#reportedAt) {
      if (now - at >= LIMITS.peer.stallReportMs) this.#reportedAt.delete(id);
    }
    if (!this.#obeyed || this.#reportedAt.has(leader)) return;
    this.#reportedAt.set(leader, now);
    this.#reports.push(leader);
    this.#wake();
  }

  /** Asks the tracker that is obeyed about at most 50 endpoints. Rejects with CT_ERR_TRACKER when there is none. */
  async locate(endpoints: readonly Endpoint[]): Promise<Located[]> {
    if (!this.#obeyed) throw new CtError("CT_ERR_TRACKER", "no tracker that could locate peers has answered");
    const { infoHash, peerId } = this.#options;
    return this.#obeyed.client.locate({ infoHash, peerId, endpoints }, this.#running.signal);
  }

  /** Whether the engine has any use for news of leaders; it has until it says otherwise. */
  setFeeding(needed: boolean): void {
    this.#feedNeeded = needed;
    this.#tendFeed();
  }

  /** Tells every tracker that knows us that we stop, within 2.5 s in all, and ends. Never rejects. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    const { clock, log } = this.#options;
    // Those with an announce under way are told too: it may have arrived although its answer has not.
    const told = [...this.#trackers.values()].filter((tracker) => tracker.answered || tracker.asked);
    this.#timer?.cancel();
    this.#running.abort();
    this.#feed?.stop();
    const farewell = new AbortController();
    const ending = clock.after(FAREWELL_MS, () => farewell.abort(), { keepAlive: true });
    await Promise.all(
      told.map((tracker) =>
        tracker.client.announce(this.#request("stopped"), farewell.signal).catch((error: unknown) => {
          log.info(
            { err: error, event: "stopped" },
            `tracker ${tracker.client.name} may not know that we stopped`,
          );
        }),
      ),
    );
    ending.cancel();
    await Promise.all([...this.#trackers.values()].map((tracker) => tracker.client.close()));
  }

  /** Sets the timer for whatever is due next. A walk under way does it when it ends. */
  #wake(): void {
    if (this.#walking || !this.#started || this.#running.signal.aborted) return;
    const now = this.#options.clock.now();
    const next = Math.min(
      ...this.#asking().map((tracker) => (this.#isDue(tracker, now) ? now : tracker.dueAt)),
    );
    this.#timer?.cancel();
    if (next < Number.POSITIVE_INFINITY) {
      this.#timer = this.#options.clock.after(Math.max(0, next - now), () => void this.#walk());
    }
  }

  /** One round of BEP 12: tracker after tracker, until one works. */
  async #walk(): Promise<void> {
    const awaiting = this.#awaitingWalk.splice(0);
    this.#walking = true;
    for (const tracker of this.#asking()) {
      if (!this.#isDue(tracker, this.#options.clock.now())) continue;
      if (this.#running.signal.aborted || (await this.#announce(tracker))) break;
    }
    this.#walking = false;
    for (const resolve of awaiting) resolve();
    this.#wake();
  }

  /** The trackers to talk to: in their order up to the first that works, and always the one that is obeyed. */
  #asking(): TrackerState[] {
    const order = this.#tiers.order.flatMap((url) => this.#trackers.get(url) ?? []);
    const working = order.findIndex((tracker) => tracker.working);
    const asking = working < 0 ? order : order.slice(0, working + 1);
    return this.#obeyed && !asking.includes(this.#obeyed) ? [this.#obeyed, ...asking] : asking;
  }

  #isDue(tracker: TrackerState, now: number): boolean {
    if (tracker.dueAt <= now) return true;
    if (!tracker.working) return false;
    return (
      (this.#completed && !tracker.knowsCompletion) || (tracker === this.#obeyed && this.#reports.length > 0)
    );
  }

  /** Resolves to whether the tracker answered. */
  async #announce(tracker: TrackerState): Promise<boolean> {
    const { clock, random } = this.#options;
    const { signal } = this.#running;
    const event = this.#eventFor(tracker);
    const stalled = tracker === this.#obeyed ? this.#reports.shift() : undefined;
    const askedAt = clock.now();
    tracker.asked = true;
    let answer: AnnounceAnswer;
    try {
      answer = await tracker.client.announce(this.#request(event, stalled), signal);
    } catch (error) {
      if (!(error instanceof CtError)) throw error;
      if (!signal.aborted) this.#options.onFailure(error, tracker.failed(error, clock.now(), random));
      return false;
    } finally {
      tracker.asked = false;
    }
    if (signal.aborted) return true;
    tracker.succeeded(answer, clock.now());
    tracker.knowsStart = true;
    if (event === "completed") tracker.knowsCompletion = true;
    this.#tiers.promote(tracker.url);
    this.#take(tracker, answer, askedAt);
    return true;
  }

  #eventFor(tracker: TrackerState): AnnounceEvent | undefined {
    if (!tracker.knowsStart) return "started";
    return this.#completed && !tracker.knowsCompletion ? "completed" : undefined;
  }

  #take(tracker: TrackerState, answer: AnnounceAnswer, askedAt: number): void {
    if (answer.ct && this.#mayObey(tracker)) this.#obey(tracker);
    const { ct, peers, ...rest } = answer;
    if (tracker === this.#obeyed) {
      if (ct) this.#takeCt(ct, askedAt);
      this.#options.onAnswer(answer, tracker.url);
    } else {
      const strangers = peers.map((peer) => ({ ...peer, asn: UNKNOWN_ASN }));
      this.#options.onAnswer({ ...rest, peers: strangers }, tracker.url);
    }
  }

  /** The first of the tiers; another one only when that has been away for a while. */
  #mayObey(tracker: TrackerState): boolean {
    if (!this.#obeyed) return true;
    const order = this.#tiers.order;
    if (order.indexOf(tracker.url) <= order.indexOf(this.#obeyed.url) && this.#obeyed.working) return true;
    return this.#options.clock.now() - this.#obeyed.answeredAt >= OBEDIENCE_MS && !this.#obeyed.working;
  }

  #obey(tracker: TrackerState): void {
    if (tracker === this.#obeyed) return;
    const { clock, infoHash, log, peerId, random } = this.#options;
    this.#obeyed = tracker;
    this.#feed?.stop();
    this.#feed = new LeadersFeed({
      client: tracker.client,
      infoHash,
      peerId,
      clock,
      random,
      log,
      term: () => this.leaders?.term ?? 0,
      onCt: (ct, askedAt) => this.#takeCt(ct, askedAt),
      onUnknownPeer: () => this.#introduceTo(tracker),
      onPollByAnnouncing: () => this.announceNow(),
    });
  }

  #takeCt(ct: CtAnswer, askedAt: number): void {
    // An announce and a poll overtake each other: what was asked before the newest news came, and is older, is stale.
    const term = ct.leaders?.term ?? 0;
    if (askedAt < this.#ctAt && term < (this.leaders?.term ?? 0)) return;
    this.#ct = ct;
    this.#ctAt = this.#options.clock.now();
    this.#options.onCt(ct);
    this.#tendFeed();
  }

  /** The tracker has forgotten us (it restarted): announces at once; resolves when that was tried. */
  #introduceTo(tracker: TrackerState): Promise<void> {
    tracker.knowsStart = false;
    tracker.dueAt = 0;
    const walked = new Promise<void>((resolve) => {
      this.#awaitingWalk.push(resolve);
    });
    this.#wake();
    return walked;
  }

  /** A complete peer that leads nothing does not poll. */
  #tendFeed(): void {
    const complete = this.#completed || this.#options.progress().left === 0;
    const leads = this.leaders?.leaders.some((leader) => leader.peerId === this.#options.peerId) === true;
    const wanted = this.#feedNeeded && !(complete && !leads) && !this.#running.signal.aborted;
    if (wanted && this.#obeyed?.client.hasFeed) this.#feed?.start();
    else this.#feed?.stop();
  }

  #request(event: AnnounceEvent | undefined, stalled?: PeerId): AnnounceRequest {
    const { capacity, infoHash, local, numwant, peerId, port, progress } = this.#options;
    const { externalBytes, internalBytes, ...counters } = progress();
    return {
      infoHash,
      peerId,
      port: port(),
      ...counters,
      ...(event ? { event } : {}),
      numwant: event === "stopped" ? 0 : numwant(),
      compact: true,
      noPeerId: false,
      key: this.#key,
      member: {
        ...(capacity ? { capacity } : {}),
        term: this.leaders?.term ?? 0,
        externalBytes,
        internalBytes,
        ...(local ? { local } : {}),
        ...(stalled ? { stalled } : {}),
      },
    };
  }
}
