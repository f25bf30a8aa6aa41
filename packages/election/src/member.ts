import type { Address, Asn, PeerId } from "@cachetorrent/protocol";

/** A peer of the swarm that speaks the extension. */
export interface Member {
  readonly peerId: PeerId;
  readonly asn: Asn;
  /** Where its announces come from: stall reports count once per host, of IPv6 per /64. */
  readonly source: Address;
}

/** A member of an electorate, as far as it matters to those who report stalled leaders. */
export interface MemberState {
  readonly peerId: PeerId;
  source: Address;
  readonly joinedAt: number;
  openFeeds: number;
  /** When its last long poll closed, or when it joined. */
  silentSince: number;
}
