import { type Asn, CtError, LIMITS, type PeerId, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { Candidate, LeastLeaders } from "./candidate.ts";
import { Electorate, type LeadersChanged } from "./electorate.ts";
import type { Member } from "./member.ts";
import { type Seats, seatsError } from "./multi-election.ts";
import type { ElectionSnapshot } from "./snapshot.ts";

export interface ElectionOptions {
  /** Leaders in a hundred candidates, of each range; 1 to 100. */
  readonly leaderPercent: number;
  /** Ranges of pieces with leaders of their own, 1 to 100 / leaderPercent; unset: one. */
  readonly ranges?: number;
  /** The election runs when so many candidates have joined the swarm; unset: at the deadline only. */
  readonly quorum?: number;
  /** The election runs at the latest so long after the first candidate. */
  readonly deadlineMs: number;
  readonly leastLeaders: LeastLeaders;
}

export interface StallReport {
  readonly leader: PeerId;
  readonly reporter: PeerId;
}

/**
 * Picks the leaders of every electorate of one swarm. Pure and synchronous: events and the time in, changed results
 * out. Whoever owns it calls `tick` at `nextTick`, and saves `snapshot` when a result changed.
 */
export class Election {
  readonly #options: ElectionOptions;
  readonly #seats: Seats;
  readonly #electorates = new Map<Asn, Electorate>();
  readonly #electorateOf = new Map<PeerId, Electorate>();
  /** By evicted peer: when it may stand again. Outlives its membership, so that rejoining is no way round. */
  readonly #evictions = new Map<PeerId, number>();
  #ran = false;
  #firstCandidateAt: number | undefined;
  /** An AS whose members all left and came back goes on above the terms it had. */
  #termFloor = 0;

  /** @throws CtError CT_ERR_CONFIG where so many ranges cannot have so many leaders each. */
  constructor(options: ElectionOptions) {
    const { leaderPercent, leastLeaders, ranges = 1 } = options;
    this.#options = options;
    this.#seats = { leaderPercent, leastLeaders, ranges };
    const error = seatsError(this.#seats);
    if (error !== undefined) throw new CtError("CT_ERR_CONFIG", error);
  }

  /** A member announced. Idempotent; its AS stays that of its first announce. An unknown AS has no electorate. */
  newJoin(member: Member, now: number): LeadersChanged[] {
    if (member.asn === UNKNOWN_ASN) return [];
    const electorate = this.#electorateOf.get(member.peerId) ?? this.#electorateFor(member.asn);
    this.#electorateOf.set(member.peerId, electorate);
    electorate.join(member, now);
    return this.#settle([electorate], now);
  }

  /** A member stands for election. New capacity is recorded, and unseats nobody. */
  registerCandidate(candidate: Candidate, now: number): LeadersChanged[] {
    const electorate = this.#electorateOf.get(candidate.peerId);
    if (!electorate) return [];
    electorate.register(candidate);
    this.#firstCandidateAt ??= now;
    if (!this.#ran && this.#candidateCount() >= (this.#options.quorum ?? Infinity)) {
      return this.runElection(now);
    }
    return this.#settle([electorate], now);
  }

  /** The candidature ends, the member stays. */
  removeCandidate(peerId: PeerId, now: number): LeadersChanged[] {
    const electorate = this.#electorateOf.get(peerId);
    electorate?.withdraw(peerId);
    return this.#settle(electorate ? [electorate] : [], now);
  }

  /** The member stopped, or expired. */
  leave(peerId: PeerId, now: number): LeadersChanged[] {
    const electorate = this.#electorateOf.get(peerId);
    if (!electorate) return [];
    this.#electorateOf.delete(peerId);
    electorate.leave(peerId);
    if (electorate.memberCount > 0) return this.#settle([electorate], now);
    this.#electorates.delete(electorate.asn);
    this.#termFloor = Math.max(this.#termFloor, electorate.term);
    return [];
  }

  /** The leaders long poll of a member opened. */
  feedOpened(peerId: PeerId): void {
    this.#electorateOf.get(peerId)?.feedOpened(peerId);
  }

  feedClosed(peerId: PeerId, now: number): void {
    this.#electorateOf.get(peerId)?.feedClosed(peerId, now);
  }

  /** After a restart of the tracker: no long poll of before it is open any more. */
  allFeedsClosed(now: number): void {
    for (const electorate of this.#electorates.values()) electorate.allFeedsClosed(now);
  }

  /** A member says that a leader of its AS has stalled; a leader that enough of them report is evicted. */
  reportStalled(report: StallReport, now: number): LeadersChanged[] {
    const electorate = this.#electorateOf.get(report.reporter);
    electorate?.report(report.leader, report.reporter, now);
    return this.#settle(electorate ? [electorate] : [], now);
  }

  /** The time has come for the deadline, for the end of an eviction, or for a leader that was reported. */
  tick(now: number): LeadersChanged[] {
    if (!this.#ran) return now >= this.#deadline() ? this.runElection(now) : [];
    for (const [peerId, until] of this.#evictions) {
      if (now >= until) this.#evictions.delete(peerId);
    }
    return this.#settle(this.#electorates.values(), now);
  }

  /**
   * When `tick` next has something to do; nothing happens by the mere passing of time before it. 0, at once, after a
   * restart with another number of ranges.
   */
  nextTick(): number | undefined {
    const times = this.#ran ? [...this.#evictions.values()] : [this.#deadline()];
    for (const electorate of this.#electorates.values()) {
      const isOutdated = this.#ran && !electorate.isSettledFor(this.#seats.ranges);
      times.push(isOutdated ? 0 : (electorate.nextStall() ?? Infinity));
    }
    const next = Math.min(...times);
    return next === Infinity ? undefined : next;
  }

  /** Runs the election of all electorates. Standing leaders keep their seats. */
  runElection(now: number): LeadersChanged[] {
    this.#ran = true;
    return this.#settle(this.#electorates.values(), now);
  }

  /** The standing result of an AS; undefined before the election ran, and for an AS without members. */
  result(asn: Asn): LeadersChanged | undefined {
    return this.#electorates.get(asn)?.result;
  }

  /** All standing results. */
  getElected(): ReadonlyMap<Asn, LeadersChanged> {
    const elected = new Map<Asn, LeadersChanged>();
    for (const { asn, result } of this.#electorates.values()) if (result) elected.set(asn, result);
    return elected;
  }

  candidate(peerId: PeerId): Candidate | undefined {
    return this.#electorateOf.get(peerId)?.candidates.get(peerId);
  }

  /** Those who stand in an AS, evicted ones too. */
  candidates(asn: Asn): Candidate[] {
    return [...(this.#electorates.get(asn)?.candidates.values() ?? [])];
  }

  memberCount(asn: Asn): number {
    return this.#electorates.get(asn)?.memberCount ?? 0;
  }

  /** The members of all electorates: a tracker that restored them lets those leave that don't come back. */
  members(): Member[] {
    return [...this.#electorates.values()].flatMap((electorate) => [...electorate.members()]);
  }

  /** Evicted, and so no candidate until the tick that ends it. */
  isEvicted(peerId: PeerId): boolean {
    return this.#evictions.has(peerId);
  }

  snapshot(): ElectionSnapshot {
    return {
      version: 1,
      ran: this.#ran,
      ...(this.#firstCandidateAt === undefined ? {} : { firstCandidateAt: this.#firstCandidateAt }),
      termFloor: this.#termFloor,
      evictions: [...this.#evictions].map(([peerId, until]) => ({ peerId, until })),
      electorates: [...this.#electorates.values()].map((electorate) => electorate.snapshot()),
    };
  }

  /** An election that goes on where the snapshot was taken. */
  static restore(options: ElectionOptions, snapshot: ElectionSnapshot): Election {
    const election = new Election(options);
    election.#ran = snapshot.ran;
    election.#firstCandidateAt = snapshot.firstCandidateAt;
    election.#termFloor = snapshot.termFloor;
    for (const { peerId, until } of snapshot.evictions) election.#evictions.set(peerId, until);
    for (const one of snapshot.electorates) {
      const electorate = Electorate.restore(one);
      election.#electorates.set(electorate.asn, electorate);
      for (const { peerId } of electorate.members()) election.#electorateOf.set(peerId, electorate);
    }
    return election;
  }

  #electorateFor(asn: Asn): Electorate {
    const known = this.#electorates.get(asn);
    if (known) return known;
    const electorate = new Electorate(asn, this.#termFloor);
    this.#electorates.set(asn, electorate);
    return electorate;
  }

  #settle(electorates: Iterable<Electorate>, now: number): LeadersChanged[] {
    if (!this.#ran) return [];
    const changed: LeadersChanged[] = [];
    for (const electorate of electorates) {
      for (const leader of electorate.stalled(now)) {
        this.#evictions.set(leader, now + LIMITS.election.evictionMs);
      }
      const result = electorate.settle((peerId) => this.isEvicted(peerId), this.#seats, now);
      if (result) changed.push(result);
    }
    return changed;
  }

  #candidateCount(): number {
    let count = 0;
    for (const electorate of this.#electorates.values()) count += electorate.candidates.size;
    return count;
  }

  #deadline(): number {
    return this.#firstCandidateAt === undefined
      ? Infinity
      : this.#firstCandidateAt + this.#options.deadlineMs;
  }
}
