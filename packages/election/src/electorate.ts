import { type Address, type Asn, LIMITS, type PeerId } from "@cachetorrent/protocol";
import { best, type Candidate, type LeastLeaders, seatCount } from "./candidate.ts";
import type { ElectorateSnapshot } from "./snapshot.ts";

/** A peer of the swarm that speaks the extension. */
export interface Member {
  readonly peerId: PeerId;
  readonly asn: Asn;
  /** Where its announces come from: stall reports count once per source address. */
  readonly source: Address;
}

/** The standing result of an electorate. */
export interface LeadersChanged {
  readonly asn: Asn;
  readonly term: number;
  /** By seniority: head, standby, others. Empty when everyone leads. */
  readonly leaders: readonly PeerId[];
  /** An electorate without candidates: each member leads itself. */
  readonly everyoneLeads: boolean;
}

export interface Seats {
  readonly leaderPercent: number;
  readonly leastLeaders: LeastLeaders;
}

interface MemberState {
  readonly peerId: PeerId;
  source: Address;
  readonly joinedAt: number;
  openFeeds: number;
  /** When its last long poll closed, or when it joined. */
  silentSince: number;
}

const { stallReportersMost, stallReporterListedMs, stallReportKeptMs, silentFeedMs } = LIMITS.election;

/** The members and candidates of one AS in one swarm, and who leads them. */
export class Electorate {
  readonly asn: Asn;
  readonly #members = new Map<PeerId, MemberState>();
  readonly #candidates = new Map<PeerId, Candidate>();
  /** By leader: who reported it, and when. */
  readonly #reports = new Map<PeerId, Map<PeerId, number>>();
  #term: number;
  #result: LeadersChanged | undefined;

  /** `termFloor` is below every term this AS may yet use. */
  constructor(asn: Asn, termFloor: number) {
    this.asn = asn;
    this.#term = termFloor;
  }

  get term(): number {
    return this.#term;
  }

  get result(): LeadersChanged | undefined {
    return this.#result;
  }

  get memberCount(): number {
    return this.#members.size;
  }

  get candidates(): ReadonlyMap<PeerId, Candidate> {
    return this.#candidates;
  }

  *members(): Iterable<Member> {
    for (const { peerId, source } of this.#members.values()) yield { peerId, asn: this.asn, source };
  }

  join(member: Member, now: number): void {
    const known = this.#members.get(member.peerId);
    if (known) known.source = member.source;
    else {
      const { peerId, source } = member;
      this.#members.set(peerId, { peerId, source, joinedAt: now, openFeeds: 0, silentSince: now });
    }
  }

  leave(peerId: PeerId): void {
    this.#members.delete(peerId);
    this.#candidates.delete(peerId);
    for (const reporters of this.#reports.values()) reporters.delete(peerId);
  }

  register(candidate: Candidate): void {
    this.#candidates.set(candidate.peerId, candidate);
  }

  withdraw(peerId: PeerId): void {
    this.#candidates.delete(peerId);
  }

  feedOpened(peerId: PeerId): void {
    const member = this.#members.get(peerId);
    if (member) member.openFeeds++;
  }

  /** A new poll may open before the one it replaces closes, so polls are counted. */
  feedClosed(peerId: PeerId, now: number): void {
    const member = this.#members.get(peerId);
    if (!member || member.openFeeds === 0) return;
    member.openFeeds--;
    member.silentSince = now;
  }

  allFeedsClosed(now: number): void {
    for (const member of this.#members.values()) {
      if (member.openFeeds > 0) member.silentSince = now;
      member.openFeeds = 0;
    }
  }

  /** Counts only against a leader, and only from another member listed for long enough to be more than a passer-by. */
  report(leader: PeerId, reporter: PeerId, now: number): void {
    const member = this.#members.get(reporter);
    if (!member || reporter === leader || !this.#result?.leaders.includes(leader)) return;
    if (now - member.joinedAt < stallReporterListedMs) return;
    const reporters = this.#reports.get(leader) ?? new Map<PeerId, number>();
    reporters.set(reporter, now);
    this.#reports.set(leader, reporters);
  }

  /** The leaders that enough members reported. */
  stalled(now: number): PeerId[] {
    const enough = Math.min(stallReportersMost, Math.ceil((this.#members.size - 1) / 2));
    return [...this.#reports.keys()].filter((leader) => {
      const reporters = this.#standingReports(leader, now);
      // Per address, so that one host with many peer ids cannot unseat a leader by itself.
      const sources = new Set(reporters.map((reporter) => this.#members.get(reporter)?.source));
      return sources.size > 0 && (sources.size >= enough || now >= this.#silentAt(leader));
    });
  }

  /** When the first reported leader will have been silent for too long. */
  nextStall(): number | undefined {
    let next: number | undefined;
    for (const [leader, reporters] of this.#reports) {
      const at = this.#silentAt(leader);
      const lastReport = Math.max(...reporters.values());
      if (at < lastReport + stallReportKeptMs && at < (next ?? Infinity)) next = at;
    }
    return next;
  }

  /**
   * Brings the result in line with the candidates: those in office stay, in their order; vacancies and new seats go
   * to the best of the others. Returns the new result if it is another one.
   */
  settle(isEvicted: (peerId: PeerId) => boolean, seats: Seats, now: number): LeadersChanged | undefined {
    const eligible = [...this.#candidates.values()].filter((candidate) => !isEvicted(candidate.peerId));
    const inOffice = this.#result?.leaders ?? [];
    const kept = new Set(inOffice.filter((peerId) => this.#candidates.has(peerId) && !isEvicted(peerId)));
    for (const leader of this.#reports.keys()) {
      if (!kept.has(leader)) this.#reports.delete(leader);
    }
    const free = seatCount(eligible.length, seats.leaderPercent, seats.leastLeaders) - kept.size;
    const others = free > 0 ? eligible.filter((candidate) => !kept.has(candidate.peerId)) : [];
    const leaders = [...kept, ...best(others, Math.max(0, free))];
    if (this.#result && sameLeaders(this.#result.leaders, leaders)) return undefined;
    this.#term = Math.max(this.#term + 1, Math.floor(now));
    this.#result = { asn: this.asn, term: this.#term, leaders, everyoneLeads: leaders.length === 0 };
    return this.#result;
  }

  snapshot(): ElectorateSnapshot {
    return {
      asn: this.asn,
      term: this.#term,
      ...(this.#result ? { leaders: [...this.#result.leaders] } : {}),
      members: [...this.#members.values()].map((member) => ({ ...member })),
      candidates: [...this.#candidates.values()],
      reports: [...this.#reports].flatMap(([leader, reporters]) =>
        [...reporters].map(([reporter, at]) => ({ leader, reporter, at })),
      ),
    };
  }

  static restore(snapshot: ElectorateSnapshot): Electorate {
    const { asn, term, leaders } = snapshot;
    const electorate = new Electorate(asn, term);
    for (const member of snapshot.members) electorate.#members.set(member.peerId, { ...member });
    for (const candidate of snapshot.candidates) electorate.#candidates.set(candidate.peerId, candidate);
    for (const { leader, reporter, at } of snapshot.reports) {
      const reporters = electorate.#reports.get(leader) ?? new Map<PeerId, number>();
      electorate.#reports.set(leader, reporters.set(reporter, at));
    }
    if (leaders) electorate.#result = { asn, term, leaders, everyoneLeads: leaders.length === 0 };
    return electorate;
  }

  #standingReports(leader: PeerId, now: number): PeerId[] {
    const reports = [...(this.#reports.get(leader) ?? [])];
    return reports.filter(([, at]) => now - at < stallReportKeptMs).map(([reporter]) => reporter);
  }

  #silentAt(leader: PeerId): number {
    const member = this.#members.get(leader);
    return !member || member.openFeeds > 0 ? Infinity : member.silentSince + silentFeedMs;
  }
}

function sameLeaders(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  return a.length === b.length && a.every((peerId, i) => peerId === b[i]);
}
