import type { Asn, PeerId } from "@cachetorrent/protocol";
import { best, type Candidate, type LeastLeaders, seatCount } from "./candidate.ts";
import type { Member, MemberState } from "./member.ts";
import type { ElectorateSnapshot } from "./snapshot.ts";
import { StallReports } from "./stall-reports.ts";

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

/** The members and candidates of one AS in one swarm, and who leads them. */
export class Electorate {
  readonly asn: Asn;
  readonly #members = new Map<PeerId, MemberState>();
  readonly #candidates = new Map<PeerId, Candidate>();
  readonly #reports = new StallReports(this.#members);
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
    this.#reports.forgetReporter(peerId);
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

  /** Of account only against a leader, and from another member. */
  report(leader: PeerId, reporter: PeerId, now: number): void {
    if (!this.#members.has(reporter) || reporter === leader || !this.#result?.leaders.includes(leader))
      return;
    this.#reports.add({ leader, reporter, at: now });
  }

  /** The leaders that enough members reported. */
  stalled(now: number): PeerId[] {
    return this.#reports.stalled(now);
  }

  /** When the first reported leader will be stalled without another report. */
  nextStall(): number | undefined {
    return this.#reports.next();
  }

  /**
   * Brings the result in line with the candidates: those in office stay, in their order; vacancies and new seats go
   * to the best of the others. Returns the new result if it is another one.
   */
  settle(isEvicted: (peerId: PeerId) => boolean, seats: Seats, now: number): LeadersChanged | undefined {
    const eligible = [...this.#candidates.values()].filter((candidate) => !isEvicted(candidate.peerId));
    const inOffice = this.#result?.leaders ?? [];
    const kept = new Set(inOffice.filter((peerId) => this.#candidates.has(peerId) && !isEvicted(peerId)));
    this.#reports.forget((peerId) => kept.has(peerId), now);
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
      reports: this.#reports.list(),
    };
  }

  static restore(snapshot: ElectorateSnapshot): Electorate {
    const { asn, term, leaders } = snapshot;
    const electorate = new Electorate(asn, term);
    for (const member of snapshot.members) electorate.#members.set(member.peerId, { ...member });
    for (const candidate of snapshot.candidates) electorate.#candidates.set(candidate.peerId, candidate);
    for (const report of snapshot.reports) electorate.#reports.add(report);
    if (leaders) electorate.#result = { asn, term, leaders, everyoneLeads: leaders.length === 0 };
    return electorate;
  }
}

function sameLeaders(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  return a.length === b.length && a.every((peerId, i) => peerId === b[i]);
}
