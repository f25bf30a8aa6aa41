import type { Random } from "@cachetorrent/clock";
import type { Election } from "@cachetorrent/election";
import {
  type Address,
  type CtAnswer,
  type Endpoint,
  isInternal,
  type LeaderEntry,
  type Policy,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import { type ListedLeader, listedLeaders } from "./listed-leaders.ts";
import type { Swarm } from "./swarm.ts";
import { endpointFor, endpointsOf, type SwarmPeer } from "./swarm-peer.ts";

/** A peer that is told something, and the public address it asks from. */
export interface AskingPeer {
  readonly peer: SwarmPeer;
  readonly source: Address;
}

/** The `ct` dictionary for one member. */
export function memberAnswer(
  asking: AskingPeer,
  swarm: Swarm,
  election: Election | undefined,
  policy: Policy,
  random: Random,
): CtAnswer {
  const { asn } = asking.peer;
  const result = election?.result(asn);
  if (!election || !result) return { ...(asn === UNKNOWN_ASN ? {} : { asn }), policy };
  const leaders = listedLeaders(result, asking.peer.peerId, random).flatMap((leader) => {
    const entry = leaderEntry(leader, asking, swarm, election);
    return entry ? [entry] : [];
  });
  return { asn, policy, leaders: { term: result.term, leaders } };
}

/**
 * Where `asking` reaches `peer`. Behind one NAT the public endpoint often leads nowhere (no hairpinning): who asks from
 * the same public address and AS is told the local one.
 */
export function endpointToTell(peer: SwarmPeer, { peer: asker, source }: AskingPeer): Endpoint | undefined {
  const local = peer.member?.local;
  const isNeighbour =
    local !== undefined &&
    asker.member !== undefined &&
    isInternal(peer.asn, asker.asn) &&
    endpointsOf(peer).some(({ address }) => address === source);
  return isNeighbour ? local : endpointFor(peer, source);
}

function leaderEntry(
  { peerId, ...range }: ListedLeader,
  asking: AskingPeer,
  swarm: Swarm,
  election: Election,
): LeaderEntry | undefined {
  const peer = swarm.get(peerId);
  const endpoint = peer && endpointToTell(peer, asking);
  if (!endpoint) return undefined;
  const { up = 0, down = 0 } = election.candidate(peerId) ?? {};
  return { peerId, endpoint, up, down, ...range };
}
