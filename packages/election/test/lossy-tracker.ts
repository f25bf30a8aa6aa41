import type { ManualClock, Timer } from "@cachetorrent/clock";
import { type Address, type Asn, type PeerId, unwrap } from "@cachetorrent/protocol";
import { decodeElectionSnapshot, Election, type ElectionOptions, type LeadersChanged } from "../src/index.ts";
import { MINUTE, SECOND } from "./swarm.ts";

/** Members announce anew so often; it is shorter than a tracker's, and nothing depends on it but how long a test is. */
export const INTERVAL_MS = 2 * MINUTE;
const LONG_POLL_MS = 30 * SECOND;
const SWEEP_MS = 5 * SECOND;

export interface Announce {
  readonly peerId: PeerId;
  readonly asn: Asn;
  readonly source: Address;
  readonly stopped?: boolean;
  /** The capacity with which it stands; absent: it does not. */
  readonly up?: number;
  readonly stalled?: PeerId;
}

/** The leaders of an AS, or that there are none yet. */
export type Answer = LeadersChanged | "unknown peer" | undefined;

interface Poll {
  end(): void;
}

/** What is known of a peer that announced, kept in the simplest way. */
export interface Registered {
  readonly asn: Asn;
  up?: number | undefined;
  announcedAt: number;
  poll: Poll | undefined;
  feedClosedAt?: number;
}

/** What one input did to the election. */
export interface Moment {
  readonly election: Election;
  readonly registered: ReadonlyMap<PeerId, Registered>;
  readonly before: ReadonlyMap<Asn, LeadersChanged>;
  readonly changed: readonly LeadersChanged[];
  readonly now: number;
}

/** A real election, fed by announces in whatever order they come, with the tracker's rules of expiry and long poll. */
export class LossyTracker {
  election: Election;
  readonly registered = new Map<PeerId, Registered>();
  readonly #options: ElectionOptions;
  readonly #clock: ManualClock;
  readonly #witness: (moment: Moment) => void;
  #timer: Timer | undefined;
  #lagMs = 0;

  constructor(options: ElectionOptions, clock: ManualClock, witness: (moment: Moment) => void) {
    this.#options = options;
    this.#clock = clock;
    this.#witness = witness;
    this.election = new Election(options);
    clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** How far its clock is behind the one that moves everything. */
  get lagMs(): number {
    return this.#lagMs;
  }

  announced(announce: Announce): Answer {
    const { peerId, asn, source, up, stalled } = announce;
    const known = this.registered.get(peerId);
    if (announce.stopped) {
      if (known) this.#remove(peerId);
      return undefined;
    }
    const peer: Registered = known ?? { asn, announcedAt: 0, poll: undefined };
    peer.announcedAt = this.#now();
    this.registered.set(peerId, peer);
    this.#input((election, now) => election.newJoin({ peerId, asn: peer.asn, source }, now));
    const stood = peer.up !== undefined;
    peer.up = up;
    if (up !== undefined) {
      this.#input((election, now) => election.registerCandidate({ peerId, up, down: up }, now));
    } else if (stood) {
      this.#input((election, now) => election.removeCandidate(peerId, now));
    }
    if (stalled !== undefined) {
      this.#input((election, now) => election.reportStalled({ leader: stalled, reporter: peerId }, now));
    }
    return this.election.result(peer.asn);
  }

  /** The long poll: answered when the term is above the one known, or unchanged after 30 s. */
  polled(peerId: PeerId, term: number, answer: (answer: Answer) => void): void {
    const peer = this.registered.get(peerId);
    if (!peer) {
      answer("unknown peer");
      return;
    }
    peer.poll?.end();
    this.election.feedOpened(peerId);
    const poll: Poll = {
      end: () => {
        if (peer.poll !== poll) return;
        peer.poll = undefined;
        peer.feedClosedAt = this.#now();
        this.election.feedClosed(peerId, this.#now());
        this.#schedule();
        answer(this.registered.get(peerId) === peer ? this.election.result(peer.asn) : "unknown peer");
      },
    };
    peer.poll = poll;
    this.#clock.after(LONG_POLL_MS, () => poll.end());
    this.#schedule();
    if ((this.election.result(peer.asn)?.term ?? 0) > term) poll.end();
  }

  /** It goes on from its state file, by a clock that is so far behind; nobody's poll is open any more, or answered. */
  restart(clockBackMs: number): void {
    this.#lagMs += clockBackMs;
    this.election = this.restored();
    for (const peer of this.registered.values()) {
      if (peer.poll) peer.feedClosedAt = this.#now();
      peer.poll = undefined;
    }
    this.#input((election, now) => {
      election.allFeedsClosed(now);
      return [];
    });
  }

  /** What comes back of the election from a file. */
  restored(): Election {
    const file = JSON.stringify(this.election.snapshot());
    return Election.restore(this.#options, unwrap(decodeElectionSnapshot(JSON.parse(file))));
  }

  #now(): number {
    return this.#clock.now() - this.#lagMs;
  }

  #input(input: (election: Election, now: number) => LeadersChanged[]): void {
    const { election, registered } = this;
    const before = election.getElected();
    const now = this.#now();
    const changed = input(election, now);
    this.#schedule();
    this.#witness({ election, registered, before, changed, now });
    const news = new Set(changed.map(({ asn }) => asn));
    for (const peer of registered.values()) if (news.has(peer.asn)) peer.poll?.end();
  }

  #remove(peerId: PeerId): void {
    const peer = this.registered.get(peerId);
    this.registered.delete(peerId);
    this.#input((election, now) => election.leave(peerId, now));
    peer?.poll?.end();
  }

  #sweep(): void {
    const now = this.#now();
    for (const [peerId, { announcedAt, feedClosedAt, poll }] of this.registered) {
      if (poll) continue;
      const isGone =
        feedClosedAt === undefined
          ? now >= announcedAt + 2 * INTERVAL_MS
          : now >= Math.max(feedClosedAt, announcedAt) + MINUTE;
      if (isGone) this.#remove(peerId);
    }
  }

  #schedule(): void {
    this.#timer?.cancel();
    const at = this.election.nextTick();
    if (at === undefined) return;
    this.#timer = this.#clock.after(at - this.#now(), () => this.#input((e, now) => e.tick(now)));
  }
}
