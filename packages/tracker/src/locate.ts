import {
  type Address,
  type Endpoint,
  type Located,
  type LocateQuery,
  sameEndpoint,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { AskingPeer } from "./member-answer.ts";
import type { Swarm } from "./swarm.ts";
import { endpointsOf, type SwarmPeer } from "./swarm-peer.ts";
import type { Tracker } from "./tracker.ts";

/** In which AS each endpoint is, and whether it announced in this swarm. */
export function locate(tracker: Tracker, query: LocateQuery, source: Address): Located[] {
  const swarm = tracker.options.store.get(query.infoHash);
  const peer = swarm?.get(query.peerId);
  return query.endpoints.map((endpoint) => {
    const there = swarm?.at(endpoint)[0];
    if (there) return { asn: there.asn, known: true };
    const neighbours = swarm && peer ? atLocalAddress(swarm, { peer, source }, endpoint.address) : [];
    return {
      asn: neighbours[0]?.asn ?? tracker.options.resolver.resolve(endpoint.address) ?? UNKNOWN_ASN,
      known: neighbours.some((one) => isLocally(one, endpoint)),
    };
  });
}

/** The asker's neighbours behind its NAT: a private address says nothing about its AS, but they were told it. */
function atLocalAddress(swarm: Swarm, { peer, source }: AskingPeer, address: Address): SwarmPeer[] {
  if (!peer.member?.local || peer.asn === UNKNOWN_ASN) return [];
  const neighbours = [...(swarm.localPeers(peer.asn) ?? [])];
  return neighbours.filter(
    (one) =>
      one.member?.local?.address === address && endpointsOf(one).some((seen) => seen.address === source),
  );
}

function isLocally(peer: SwarmPeer, endpoint: Endpoint): boolean {
  const local = peer.member?.local;
  return local !== undefined && sameEndpoint(local, endpoint);
}
