import { type Election, type LeadersChanged, rangesLed } from "@cachetorrent/election";
import { type Asn, formatEndpoint, type InfoHash, type PeerId, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { policyOf } from "./policies.ts";
import type { Swarm } from "./swarm.ts";
import { endpointsOf } from "./swarm-peer.ts";
import type { Tracker } from "./tracker.ts";

/** Swarms told of one by one, the largest first: a tracker may hold a million. */
export const SWARMS_LISTED = 1000;

/** What `/stats.json` shows. Bytes are payload, as the members reported it. */
export interface TrackerStats extends PayloadStats {
  readonly swarms: number;
  readonly peers: number;
  readonly members: number;
  readonly listed: readonly SwarmStats[];
}

export interface PayloadStats {
  /** `ct_ext` and `ct_int`, summed over present and former members. */
  readonly externalBytes: number;
  readonly internalBytes: number;
  /** The share of downloaded bytes that stayed inside an AS, 0 to 1; null while nothing was downloaded. */
  readonly savings: number | null;
}

export interface SwarmStats extends PayloadStats {
  readonly infoHash: InfoHash;
  readonly policy: string;
  readonly complete: number;
  readonly incomplete: number;
  readonly members: number;
  /** Peers whose AS is unknown. */
  readonly unknownAs: number;
  readonly electorates: readonly ElectorateStats[];
}

export interface ElectorateStats {
  readonly asn: Asn;
  readonly members: number;
  readonly candidates: number;
  /** Null before the first result. */
  readonly term: number | null;
  readonly everyoneLeads: boolean;
  /** By seniority. */
  readonly leaders: readonly LeaderStats[];
}

export interface LeaderStats {
  readonly peerId: PeerId;
  readonly endpoints: readonly string[];
  /** Declared capacity in bytes/s. */
  readonly up: number;
  readonly down: number;
  /** 1 is the head, 2 the standby. */
  readonly seniority: number;
  /** The ranges of pieces it leads, from 0, where they are split. */
  readonly ranges?: readonly number[];
}

export function trackerStats(tracker: Tracker): TrackerStats {
  const swarms = [...tracker.options.store.swarms()];
  const sum = (of: (swarm: Swarm) => number) => swarms.reduce((total, swarm) => total + of(swarm), 0);
  const largest = swarms.toSorted((a, b) => b.size - a.size).slice(0, SWARMS_LISTED);
  return {
    swarms: swarms.length,
    peers: sum((swarm) => swarm.size),
    members: sum((swarm) => swarm.memberCount),
    ...payload(
      sum((swarm) => swarm.totals.externalBytes),
      sum((swarm) => swarm.totals.internalBytes),
    ),
    listed: largest.map((swarm) => swarmStats(tracker, swarm)),
  };
}

function swarmStats(tracker: Tracker, swarm: Swarm): SwarmStats {
  const { infoHash, complete, incomplete, memberCount, totals } = swarm;
  const election = tracker.elections.get(infoHash);
  const elected = election?.getElected();
  const asns = new Set(election?.members().map((member) => member.asn));
  return {
    infoHash,
    policy: policyOf(tracker.options.policies, infoHash).name,
    complete,
    incomplete,
    members: memberCount,
    unknownAs: swarm.localPeers(UNKNOWN_ASN)?.size ?? 0,
    ...payload(totals.externalBytes, totals.internalBytes),
    electorates: election
      ? [...asns].map((asn) => electorateStats(swarm, election, asn, elected?.get(asn)))
      : [],
  };
}

function electorateStats(
  swarm: Swarm,
  election: Election,
  asn: Asn,
  result: LeadersChanged | undefined,
): ElectorateStats {
  const led = result && rangesLed(result);
  const leaders = (result?.leaders ?? []).map((peerId, i): LeaderStats => {
    const ranges = led?.get(peerId);
    const peer = swarm.get(peerId);
    const { up = 0, down = 0 } = election.candidate(peerId) ?? {};
    const endpoints = peer ? endpointsOf(peer).map(formatEndpoint) : [];
    return { peerId, endpoints, up, down, seniority: i + 1, ...(ranges ? { ranges } : {}) };
  });
  return {
    asn,
    members: election.memberCount(asn),
    candidates: election.candidates(asn).length,
    term: result?.term ?? null,
    everyoneLeads: result?.everyoneLeads ?? false,
    leaders,
  };
}

function payload(externalBytes: number, internalBytes: number): PayloadStats {
  const all = externalBytes + internalBytes;
  return { externalBytes, internalBytes, savings: all > 0 ? internalBytes / all : null };
}
