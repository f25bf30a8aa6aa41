import { isInternal, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { SwarmView } from "../swarm.ts";
import type { SwarmPeer } from "../swarm-peer.ts";
import type { Asker, HandOutPolicy } from "./hand-out-policy.ts";
import { random } from "./random.ts";

/** Of its own AS a member is handed everybody, if they are no more than this, */
const INTERNAL_MOST = 24;
/** and else so many at random besides head and standby: a mesh of random peers is connected with fewer than all. */
const INTERNAL_OF_MANY = 20;
const EXTERNAL = 10;
const IN_ALL = INTERNAL_MOST + EXTERNAL;
/** With more stock clients in an AS, in a hundred, its few members cannot feed them all. */
const STOCK_PERCENT_MOST = 80;

/**
 * Members find all they need for one copy of each piece to spread: their AS, its head, and a few others outside. Stock clients know no
 * claims, so they get their AS alone, from which they fetch what it has.
 */
export const coordinated: HandOutPolicy = (swarm, asker, count) => {
  if (asker.asn === UNKNOWN_ASN) return random(swarm, asker, count);
  return asker.isMember ? toMember(swarm, asker, count) : toStock(swarm, asker, count);
};

/**
 * Of n = min(count, 34) places round(24 n / 34) are internal and the others external. An AS that fits in its places is handed whole; of a
 * larger one head, standby and round(20 n / 34) others, no more than there are places. Places that one side cannot fill go to the other.
 */
function toMember(swarm: SwarmView, asker: Asker, count: number): SwarmPeer[] {
  const all = Math.min(count, IN_ALL);
  const internalPlaces = Math.round((INTERNAL_MOST * all) / IN_ALL);
  const externalPlaces = all - internalPlaces;
  const inside = othersInside(swarm, asker);
  const outside = swarm.everyone.size - (swarm.localPeers(asker.asn)?.size ?? 0);
  const allSeniors = seniorsInside(swarm, asker);
  const ofMany = Math.min(allSeniors.length + Math.round((INTERNAL_OF_MANY * all) / IN_ALL), internalPlaces);
  const internalShare = inside > internalPlaces ? ofMany : inside;
  const internalCount = Math.min(inside, internalShare + Math.max(0, externalPlaces - outside));
  const externalCount = Math.min(outside, externalPlaces + Math.max(0, internalPlaces - inside));
  // Also in places that the other side cannot fill.
  const seniors = allSeniors.slice(0, internalCount);
  return [
    ...seniors,
    ...windowInside(swarm, asker, internalCount - seniors.length, seniors),
    ...membersFirst(swarm, asker, externalCount),
  ];
}

function toStock(swarm: SwarmView, asker: Asker, count: number): SwarmPeer[] {
  const local = swarm.localPeers(asker.asn)?.size ?? 0;
  const stock = local - swarm.membersIn(asker.asn);
  const isAlone = othersInside(swarm, asker) === 0;
  return isAlone || stock * 100 > local * STOCK_PERCENT_MOST
    ? random(swarm, asker, count)
    : windowInside(swarm, asker, count, []);
}

/** From other ASes; stock clients, which may have all their slots taken inside, only for places that members leave. */
function membersFirst(swarm: SwarmView, { asn }: Asker, count: number): SwarmPeer[] {
  const membersOutside = swarm.memberCount - swarm.membersIn(asn);
  const isOutside = (peer: SwarmPeer) => !isInternal(peer.asn, asn);
  const members = swarm.everyone.window(
    Math.min(count, membersOutside),
    (peer) => peer.member !== undefined && isOutside(peer),
  );
  const stock = swarm.everyone.window(
    count - members.length,
    (peer) => peer.member === undefined && isOutside(peer),
  );
  return [...members, ...stock];
}

function windowInside(
  swarm: SwarmView,
  { asn, peerId }: Asker,
  count: number,
  besides: readonly SwarmPeer[],
): SwarmPeer[] {
  const accepts = (peer: SwarmPeer) => peer.peerId !== peerId && !besides.includes(peer);
  return swarm.localPeers(asn)?.window(count, accepts) ?? [];
}

function othersInside(swarm: SwarmView, { asn, peerId }: Asker): number {
  const isInside = swarm.get(peerId)?.asn === asn;
  return (swarm.localPeers(asn)?.size ?? 0) - (isInside ? 1 : 0);
}

function seniorsInside(swarm: SwarmView, { asn, peerId, seniors }: Asker): SwarmPeer[] {
  return seniors
    .map((senior) => swarm.get(senior))
    .filter((peer) => peer !== undefined && peer.peerId !== peerId && peer.asn === asn) as SwarmPeer[];
}
