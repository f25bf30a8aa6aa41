import { type Address, type Asn, type Endpoint, isIPv6, type PeerId } from "@cachetorrent/protocol";

/** What the tracker knows of one peer of one swarm. Only its `Swarm` changes it. */
export interface SwarmPeer {
  readonly peerId: PeerId;
  /** Of its first announce, for good: a peer that could change its AS could join any electorate. */
  readonly asn: Asn;
  /** Where its first announce came from. */
  readonly source: Address;
  readonly ipv4?: Endpoint;
  readonly ipv6?: Endpoint;
  readonly key?: string;
  readonly left: number;
  /** It is counted among those that completed. */
  readonly hasCompleted?: boolean;
  /** It came with the whole content, and did not get it here: an initial seed. */
  readonly isOrigin?: boolean;
  /** Times of the first and of the last announce. */
  readonly joinedAt: number;
  readonly announcedAt: number;
  /** Present when it speaks the extension. */
  readonly member?: SwarmMember;
}

export interface SwarmMember {
  /** Its endpoint inside a NAT'd site. */
  readonly local?: Endpoint;
  readonly capacity?: { readonly up: number; readonly down: number };
  /** Payload bytes it says it downloaded from other ASes and from its own. */
  readonly externalBytes: number;
  readonly internalBytes: number;
  /** Long polls open now, and when the last one closed if another is expected. */
  readonly openFeeds: number;
  readonly feedClosedAt?: number;
}

export function endpointsOf(peer: SwarmPeer): Endpoint[] {
  return [peer.ipv4, peer.ipv6].filter((endpoint) => endpoint !== undefined);
}

/** The endpoint to tell somebody at `address`: of the same family if there is one, else the other. */
export function endpointFor(peer: SwarmPeer, address: Address): Endpoint | undefined {
  return isIPv6(address) ? (peer.ipv6 ?? peer.ipv4) : (peer.ipv4 ?? peer.ipv6);
}
