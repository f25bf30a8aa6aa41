import { type Address, type Asn, type PeerId, peerIdFromBytes } from "@cachetorrent/protocol";
import { Election, type ElectionOptions, type LeadersChanged } from "../src/index.ts";

export const A = 64500 as Asn;
export const B = 64501 as Asn;

/** Far from 0, as a tracker's clock is. */
export const START = 1_800_000_000_000;

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;

/** The peer id that ends in this number; their order is that of the numbers. */
export function peer(n: number): PeerId {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32BE(n, 16);
  return peerIdFromBytes(bytes);
}

export function sourceOf(n: number): Address {
  return `198.18.${n >> 8}.${n & 255}` as Address;
}

/** An election with a clock, for tests that read as a story. Peers are numbers; each has an address of its own. */
export class Swarm {
  election: Election;
  now = START;
  readonly options: ElectionOptions;

  constructor(options: Partial<ElectionOptions> = {}) {
    this.options = { leaderPercent: 10, deadlineMs: 5 * SECOND, leastLeaders: 1, ...options };
    this.election = new Election(this.options);
  }

  /** Joins without standing for election. */
  join(n: number, asn = A, source = sourceOf(n)): LeadersChanged[] {
    return this.election.newJoin({ peerId: peer(n), asn, source }, this.now);
  }

  /** Joins as a candidate. */
  stand(n: number, up = 1000, asn = A, down = up): LeadersChanged[] {
    const joined = this.join(n, asn);
    const registered = this.election.registerCandidate({ peerId: peer(n), up, down }, this.now);
    return [...joined, ...registered];
  }

  leave(n: number): LeadersChanged[] {
    return this.election.leave(peer(n), this.now);
  }

  report(leader: number, reporter: number): LeadersChanged[] {
    return this.election.reportStalled({ leader: peer(leader), reporter: peer(reporter) }, this.now);
  }

  /** Lets time pass, ticking when the election asks for it, as a tracker does. */
  pass(ms: number): LeadersChanged[] {
    const changed: LeadersChanged[] = [];
    const end = this.now + ms;
    for (let at = this.election.nextTick(); at !== undefined && at <= end; at = this.election.nextTick()) {
      this.now = Math.max(this.now, at);
      changed.push(...this.election.tick(this.now));
    }
    this.now = end;
    return changed;
  }

  /** The election of those who stand now, and time for them to be listed for long enough to report. */
  settled(): this {
    this.election.runElection(this.now);
    this.pass(MINUTE);
    return this;
  }

  /** The leaders of an AS by number, head first. */
  leaders(asn = A): number[] | undefined {
    return this.election.result(asn)?.leaders.map(numberOf);
  }

  /** The leaders of each range; those of the only one where the pieces are not split. */
  ranges(asn = A): number[][] | undefined {
    const result = this.election.result(asn);
    return result && (result.ranges ?? [result.leaders]).map((leaders) => leaders.map(numberOf));
  }

  term(asn = A): number | undefined {
    return this.election.result(asn)?.term;
  }
}

export function numberOf(peerId: PeerId): number {
  return Number.parseInt(peerId.slice(32), 16);
}
