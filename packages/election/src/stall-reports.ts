import { hostOf, LIMITS, type PeerId } from "@cachetorrent/protocol";
import type { MemberState } from "./member.ts";

/** A member's word that a leader does not do its duty. */
export interface StandingReport {
  readonly leader: PeerId;
  readonly reporter: PeerId;
  readonly at: number;
}

const { stallReportersMost, stallReporterListedMs, stallReportKeptMs, silentFeedMs } = LIMITS.election;

/** Who of an electorate reported which of its leaders, and whether that is enough to evict it. */
export class StallReports {
  readonly #members: ReadonlyMap<PeerId, MemberState>;
  /** By leader: who reported it, and when. */
  readonly #byLeader = new Map<PeerId, Map<PeerId, number>>();

  constructor(members: ReadonlyMap<PeerId, MemberState>) {
    this.#members = members;
  }

  add({ leader, reporter, at }: StandingReport): void {
    const reporters = this.#byLeader.get(leader) ?? new Map<PeerId, number>();
    this.#byLeader.set(leader, reporters.set(reporter, at));
  }

  /** The reporter left: what it said counts no more. */
  forgetReporter(reporter: PeerId): void {
    for (const reporters of this.#byLeader.values()) reporters.delete(reporter);
  }

  /** Drops what is too old, and what was said of those who lead no more. */
  forget(leads: (peerId: PeerId) => boolean, now: number): void {
    for (const [leader, reporters] of this.#byLeader) {
      for (const [reporter, at] of reporters) {
        if (now - at >= stallReportKeptMs) reporters.delete(reporter);
      }
      if (reporters.size === 0 || !leads(leader)) this.#byLeader.delete(leader);
    }
  }

  /** The leaders that enough members reported. */
  stalled(now: number): PeerId[] {
    return [...this.#byLeader.keys()].filter((leader) => this.#isStalled(leader, now));
  }

  /**
   * When the first leader will be stalled without another report: it will have been silent for too long, or who
   * reported it will have been listed for long enough.
   */
  next(): number | undefined {
    const next = Math.min(...[...this.#byLeader.keys()].map((leader) => this.#stallsAt(leader)));
    return next === Infinity ? undefined : next;
  }

  list(): StandingReport[] {
    return [...this.#byLeader].flatMap(([leader, reporters]) =>
      [...reporters].map(([reporter, at]) => ({ leader, reporter, at })),
    );
  }

  #isStalled(leader: PeerId, now: number): boolean {
    const counting = this.#reportsOf(leader).filter(({ from, until }) => now >= from && now < until);
    // Per host, so that one with many peer ids or a /64 full of addresses cannot unseat a leader by itself.
    const hosts = new Set(counting.map(({ host }) => host));
    return hosts.size > 0 && (hosts.size >= this.#enough() || now >= this.#silentAt(leader));
  }

  #stallsAt(leader: PeerId): number {
    const silent = this.#silentAt(leader);
    const alive = new Map<string | undefined, number>();
    let earliest = Infinity;
    // In the order of time, and none looked at twice: one host may have thousands of peers report.
    for (const { host, from, until } of this.#reportsOf(leader).sort((a, b) => a.from - b.from)) {
      if (from >= earliest) break;
      for (const [other, end] of alive) if (end <= from) alive.delete(other);
      if (until > from) alive.set(host, Math.max(until, alive.get(host) ?? until));
      if (alive.size >= Math.max(1, this.#enough())) return from;
      if (Math.max(from, silent) < until) earliest = Math.min(earliest, Math.max(from, silent));
    }
    return earliest;
  }

  /** How many must report a leader. */
  #enough(): number {
    return Math.min(stallReportersMost, Math.ceil((this.#members.size - 1) / 2));
  }

  #silentAt(leader: PeerId): number {
    const member = this.#members.get(leader);
    return !member || member.openFeeds > 0 ? Infinity : member.silentSince + silentFeedMs;
  }

  /** A report counts from when its reporter has been listed for long enough to be more than a passer-by. */
  #reportsOf(leader: PeerId): { host: string | undefined; from: number; until: number }[] {
    return [...(this.#byLeader.get(leader) ?? [])].map(([reporter, at]) => {
      const member = this.#members.get(reporter);
      const from = member ? member.joinedAt + stallReporterListedMs : Infinity;
      return { host: member && hostOf(member.source), from, until: at + stallReportKeptMs, silentFeedMs };
    });
  }
}
