import type { ClaimAccounts } from "@cachetorrent/claims";
import type { Asn, InfoHash } from "@cachetorrent/protocol";

/** What a peer daemon says about itself whenever it is asked: a snapshot, for displays and reports. */
export interface PeerStatus {
  /** Open connections over all torrents. */
  readonly connections: number;
  readonly torrents: readonly TorrentStatus[];
}

export type TorrentState = "checking" | "downloading" | "seeding" | "stopped" | "failed";

export interface TorrentStatus {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly state: TorrentState;
  /** Bytes of content. */
  readonly length: number;
  /** Bytes in pieces whose hash was checked, whether found on disk or downloaded. */
  readonly verifiedBytes: number;
  /** Share of the content that the check at the start has looked at, 0 to 1. */
  readonly checkedFraction: number;
  /** Payload, bytes/s. */
  readonly rateIn: number;
  readonly rateOut: number;
  /** Payload bytes received so far from the own AS and from others. */
  readonly internalBytes: number;
  readonly externalBytes: number;
  readonly sentBytes: number;
  /** Connected peers of this torrent. */
  readonly peers: number;
  readonly role: string;
  /** UNKNOWN_ASN until a tracker told. */
  readonly asn: Asn;
  /** The newest term known of the own electorate. */
  readonly term?: number;
  /** Whether this peer is among the leaders of its electorate. */
  readonly leads: boolean;
  readonly policy?: string;
  /** Until complete at the present rate. Absent while nothing arrives. */
  readonly etaMs?: number;
  /** Under `coordinated`: what the books of its AS have seen that this peer kept. */
  readonly claims?: ClaimAccounts;
  /** Why the torrent failed. */
  readonly error?: string;
}
