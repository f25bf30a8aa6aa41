import type { Asn, PeerId } from "@cachetorrent/protocol";
import { type Candidate, compareCandidates } from "./candidate.ts";
import type { Member, MemberState } from "./member.ts";
import { type Seats, settleSeats } from "./multi-election.ts";
import type { ElectorateSnapshot } from "./snapshot.ts";
import { StallReports } from "./stall-reports.ts";

/** The standing result of an electorate. */
export interface LeadersChanged {
  readonly asn: Asn;
  readonly term: number;
  /** By seniority: head, standby, others. Empty when everyone leads. */
  readonly leaders: readonly PeerId[];
  /**
   * Where the pieces are split: the leaders of each range, in the order in which they came to it. Of several ranges a
   * peer leads only where there are fewer candidates than ranges.
   */
  readonly ranges?: readonly (readonly PeerId[])[];
  /** An electorate without candidates: each member leads itself, in all ranges. */
  readonly everyoneLeads: boolean;
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

  /** Whether the result is one for so many ranges; a tracker may come back with another number. */
  isSettledFor(ranges: number): boolean {
    return !this.#result || (this.#result.ranges?.length ?? 1) === ranges;
  }

  /**
   * Brings the result in line with the candidates: those in office stay, in their order; vacancies and new seats go
   * to the best of the others. Returns the new result if it is another one.
   */
  settle(isEvicted: (peerId: PeerId) => boolean, seats: Seats, now: number): LeadersChanged | undefined {
    const eligible = [...this.#candidates.values()].filter((candidate) => !isEvicted(candidate.peerId));
    const before = this.#result;
    const ranges = settleSeats(eligible, before ? rangesOf(before) : [], seats);
    const leaders = this.#bySeniority(new Set(ranges.flat()));
    this.#reports.forget((peerId) => leaders.includes(peerId), now);
    if (before && samePeers(before.leaders, leaders) && sameRanges(rangesOf(before), ranges))
      return undefined;
    this.#term = Math.max(this.#term + 1, Math.floor(now));
    this.#result = resultOf(this.asn, this.#term, leaders, ranges);
    return this.#result;
  }

  snapshot(): ElectorateSnapshot {
    const { leaders, ranges } = this.#result ?? {};
    return {
      asn: this.asn,
      term: this.#term,
      ...(leaders ? { leaders: [...leaders] } : {}),
      ...(ranges ? { ranges: ranges.map((range) => [...range]) } : {}),
      members: [...this.#members.values()].map((member) => ({ ...member })),
      candidates: [...this.#candidates.values()],
      reports: this.#reports.list(),
    };
  }

  static restore(snapshot: ElectorateSnapshot): Electorate {
    const { asn, term, leaders, ranges } = snapshot;
    const electorate = new Electorate(asn, term);
    for (const member of snapshot.members) electorate.#members.set(member.peerId, { ...member });
    for (const candidate of snapshot.candidates) electorate.#candidates.set(candidate.peerId, candidate);
    for (const report of snapshot.reports) electorate.#reports.add(report);
    if (leaders) electorate.#result = resultOf(asn, term, leaders, ranges ?? [leaders]);
    return electorate;
  }

  /** Those who led already in their order, then the others by rank: in one result the best were elected first. */
  #bySeniority(leading: ReadonlySet<PeerId>): PeerId[] {
    const stayed = new Set((this.#result?.leaders ?? []).filter((peerId) => leading.has(peerId)));
    const others = [...leading].flatMap((peerId) => {
      const candidate = stayed.has(peerId) ? undefined : this.#candidates.get(peerId);
      return candidate ? [candidate] : [];
    });
    return [...stayed, ...others.toSorted(compareCandidates).map(({ peerId }) => peerId)];
  }
}

function resultOf(
  asn: Asn,
  term: number,
  leaders: readonly PeerId[],
  ranges: readonly (readonly PeerId[])[],
): LeadersChanged {
  const split = ranges.length > 1 ? { ranges } : {};
  return { asn, term, leaders, ...split, everyoneLeads: leaders.length === 0 };
}

/** The ranges that each leader leads, from 0; empty where the pieces are not split. */
export function rangesLed({ ranges = [] }: LeadersChanged): ReadonlyMap<PeerId, readonly number[]> {
  const led = new Map<PeerId, number[]>();
  for (const [range, leaders] of ranges.entries()) {
    for (const peerId of leaders) led.set(peerId, [...(led.get(peerId) ?? []), range]);
  }
  return led;
}

function rangesOf({ leaders, ranges }: LeadersChanged): readonly (readonly PeerId[])[] {
  return ranges ?? [leaders];
}

function sameRanges(a: readonly (readonly PeerId[])[], b: readonly (readonly PeerId[])[]): boolean {
  return a.length === b.length && a.every((range, i) => samePeers(range, b[i] ?? []));
}

function samePeers(a: readonly PeerId[], b: readonly PeerId[]): boolean {
  return a.length === b.length && a.every((peerId, i) => peerId === b[i]);
}
