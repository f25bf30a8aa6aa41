import { randomBytes } from "node:crypto";
import type { Clock, Random } from "@cachetorrent/clock";
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
import { AnnounceRounds } from "./announce-rounds.ts";
import { LeadersFeed } from "./leaders-feed.ts";
import type { TrackerDetails } from "./tracker-details.ts";
import type { TrackerState } from "./tracker-state.ts";

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
  /** Does it take part in what `ct` is about? It does unless said. */
  readonly isMember?: boolean;
  /** Bytes/s. Absent: it is no candidate. */
  readonly capacity?: { readonly up: number; readonly down: number };
  /** Does it stand for election now? Unless said it does, where it has a capacity. */
  readonly isCandidate?: () => boolean;
  /** Its endpoint inside a NAT'd site. */
  readonly local?: Endpoint;
  /** Every successful announce. Only the tracker that is obeyed has `ct` and AS numbers in its answers. */
  readonly onAnswer: (answer: AnnounceAnswer, announceUrl: string) => void;
  /** Every `ct` of the tracker that is obeyed, from announces (before `onAnswer`) and the feed; it may say nothing new. */
  readonly onCt: (ct: CtAnswer) => void;
  /** Every announce that failed; the engine goes on with the peers it has. */
  readonly onFailure: (error: CtError, retryInMs: number) => void;
}

/** How long the leaders of a tracker that went away stand before a later tracker's are obeyed. */
const OBEDIENCE_MS = 120_000;

/**
 * One torrent's talk with its trackers. It obeys one of them: the first of its tiers that answers with `ct`. That one
 * tells the AS numbers, the policy and, by the leaders feed too, the leaders; the others give peers and nothing else.
 */
export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #rounds: AnnounceRounds;
  /** Proves to the tracker that a later announce is ours, from whatever address (BEP 7). */
  readonly #key = randomBytes(8).toString("hex");
  readonly #reportedAt = new Map<PeerId, number>();
  #obeyed: TrackerState | undefined;
  #feed: LeadersFeed | undefined;
  #ct: CtAnswer | undefined;
  #ctAt = 0;

  constructor(options: AnnouncerOptions) {
    const { clock, localAddress, log, onFailure, random, tiers } = options;
    this.#options = options;
    this.#rounds = new AnnounceRounds({
      tiers,
      clock,
      random,
      log,
      ...(localAddress ? { localAddress } : {}),
      request: (event, stalled) => this.#request(event, stalled),
      onAnswer: (tracker, answer, askedAt) => this.#take(tracker, answer, askedAt),
      onFailure,
    });
  }

  /** The peer's AS as its tracker sees it; 0 until it says one. */
  get asn(): Asn {
    return this.#ct?.asn ?? UNKNOWN_ASN;
  }

  /** Undefined while no tracker has answered with `ct`. */
  get policy(): CtAnswer["policy"] | undefined {
    return this.#ct?.policy;
  }

  /** Undefined before the first election of its electorate; then the newest result, until there is a newer one. */
  get leaders(): Leaders | undefined {
    return this.#ct?.leaders;
  }

  /** Announces. Trackers of a kind we do not speak are left out, with a line in the log. Idempotent. */
  start(): void {
    this.#rounds.start();
  }

  /**
   * The last piece was verified: tells the tracker, and ends the feed of a peer that leads nothing. Not for a torrent
   * that was complete when it started (BEP 3).
   */
  completed(): void {
    // The feed ends first: a tracker counts a member's silence from the end of its feed or its last announce.
    this.#tendFeed();
    this.#rounds.completed();
  }

  /** Announces as soon as the tracker's min interval allows it. */
  announceNow(): void {
    this.#rounds.announceNow();
  }

  /** Reports a leader with an announce of its own, at most once a minute for each leader. */
  reportStalled(leader: PeerId): void {
    const now = this.#options.clock.now();
    for (const [id, at] of this.#reportedAt) {
      if (now - at >= LIMITS.peer.stallReportMs) this.#reportedAt.delete(id);
    }
    if (!this.#obeyed || this.#reportedAt.has(leader)) return;
    this.#reportedAt.set(leader, now);
    this.#rounds.report(leader);
  }

  /** Asks the tracker that is obeyed about at most 50 endpoints. Rejects with CT_ERR_TRACKER when there is none. */
  async locate(endpoints: readonly Endpoint[]): Promise<Located[]> {
    if (!this.#obeyed) throw new CtError("CT_ERR_TRACKER", "no tracker that could locate peers has answered");
    const { infoHash, peerId } = this.#options;
    return this.#obeyed.client.locate({ infoHash, peerId, endpoints }, this.#rounds.signal);
  }

  /** Is there a tracker to announce to, of a kind that we speak? */
  get hasTracker(): boolean {
    return this.#rounds.hasTracker;
  }

  /** Is an answer of one of them to be expected soon? */
  get expectsAnswer(): boolean {
    return !this.#rounds.areAllGone;
  }

  /** Why nothing comes of the trackers that were asked; undefined while one of them works, and before the first is done with. */
  get trouble(): "unreachable" | "refused" | undefined {
    return this.#rounds.trouble;
  }

  /** In the order in which they are tried. */
  get trackers(): TrackerDetails[] {
    return this.#rounds.details;
  }

  /** Asks for the standing result at once, unless a poll is open that would have told it. */
  refresh(): void {
    this.#feed?.ask();
  }

  /** Tells every tracker that knows us that we stop, within 2.5 s in all, and ends. Never rejects. Idempotent. */
  stop(): Promise<void> {
    this.#feed?.stop();
    return this.#rounds.stop();
  }

  /** Ends at once; no tracker is told. `stop` then has nothing left to do. */
  kill(): void {
    this.#feed?.stop();
    this.#rounds.kill();
  }

  #take(tracker: TrackerState, answer: AnnounceAnswer, askedAt: number): void {
    const { ct, peers, ...rest } = answer;
    if (ct && this.#mayObey(tracker)) this.#obey(tracker);
    if (tracker === this.#obeyed) {
      if (ct) this.#takeCt(ct, askedAt);
      this.#options.onAnswer(answer, tracker.url);
    } else {
      const strangers = peers.map((peer) => ({ ...peer, asn: UNKNOWN_ASN }));
      this.#options.onAnswer({ ...rest, peers: strangers }, tracker.url);
    }
  }

  #mayObey(tracker: TrackerState): boolean {
    const obeyed = this.#obeyed;
    if (!obeyed) return true;
    // One of an earlier tier is back …
    if (obeyed.working) return this.#rounds.precedes(tracker, obeyed);
    // … or the obeyed one has been away for long; for a while its leaders stand.
    return this.#options.clock.now() - obeyed.answeredAt >= OBEDIENCE_MS;
  }

  #obey(tracker: TrackerState): void {
    if (tracker === this.#obeyed) return;
    const { clock, infoHash, log, peerId, random } = this.#options;
    this.#obeyed = tracker;
    this.#rounds.favour(tracker);
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
      onUnknownPeer: () => this.#rounds.introduceTo(tracker),
      onPollByAnnouncing: () => this.announceNow(),
    });
  }

  #takeCt(ct: CtAnswer, askedAt: number): void {
    // An announce and a poll overtake each other: what was asked before the newest news came, and is older, is stale.
    const term = ct.leaders?.term ?? 0;
    if (askedAt < this.#ctAt && term < (this.leaders?.term ?? 0)) return;
    this.#ct = this.#withStandingLeaders(ct);
    this.#ctAt = this.#options.clock.now();
    this.#options.onCt(this.#ct);
    this.#tendFeed();
  }

  /** A tracker that restarted without its state has to elect anew; meanwhile the leaders that we know still lead. */
  #withStandingLeaders(ct: CtAnswer): CtAnswer {
    const standing = ct.asn === this.#ct?.asn ? this.leaders : undefined;
    return ct.leaders || !standing ? ct : { ...ct, leaders: standing };
  }

  /** A complete peer that leads nothing does not poll. */
  #tendFeed(): void {
    const complete = this.#options.progress().left === 0;
    const leads = this.leaders?.leaders.some((leader) => leader.peerId === this.#options.peerId) === true;
    const wanted = !(complete && !leads) && !this.#rounds.signal.aborted;
    if (wanted && this.#obeyed?.client.hasFeed) this.#feed?.start();
    else this.#feed?.stop();
  }

  #request(event: AnnounceEvent | undefined, stalled: PeerId | undefined): AnnounceRequest {
    const {
      capacity,
      infoHash,
      isCandidate,
      isMember = true,
      local,
      numwant,
      peerId,
      port,
      progress,
    } = this.#options;
    const { externalBytes, internalBytes, ...counters } = progress();
    const member = {
      ...(capacity && isCandidate?.() !== false ? { capacity } : {}),
      term: this.leaders?.term ?? 0,
      externalBytes,
      internalBytes,
      ...(local ? { local } : {}),
      ...(stalled ? { stalled } : {}),
    };
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
      ...(isMember ? { member } : {}),
    };
  }
}
