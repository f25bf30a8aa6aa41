import type { ClaimAccounts } from "@cachetorrent/claims";
import type { Asn, InfoHash } from "@cachetorrent/protocol";

/** A web seed of a torrent. */
export interface WebSeedStatus {
  /** Without what in it may be a password. */
  readonly url: string;
  /** `resting` after a failure, `dropped` until the torrent starts anew: it can be of no use. */
  readonly state: "idle" | "asking" | "resting" | "dropped";
  /** Payload bytes received from it so far. */
  readonly receivedBytes: number;
  /** Only while it rests: until then, ms since the Unix epoch. */
  readonly restsUntil?: number;
  /** Why it rests or is dropped. */
  readonly reason?: string;
}

/** What a peer daemon says about itself whenever it is asked: a snapshot, for displays and reports. */
export interface PeerStatus {
  /** Open connections over all torrents. */
  readonly connections: number;
  readonly torrents: readonly TorrentStatus[];
}

export type TorrentState =
  | "metadata"
  | "checking"
  | "downloading"
  | "paused"
  | "seeding"
  | "stopped"
  | "failed";

export interface TorrentStatus {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly state: TorrentState;
  /** Bytes of content. */
  readonly length: number;
  /** Bytes in pieces whose hash was checked, whether found on disk or downloaded. */
  readonly verifiedBytes: number;
  /** Where files are skipped: bytes in the pieces that are wanted, and in those of them that were checked. */
  readonly wanted?: { readonly length: number; readonly verifiedBytes: number };
  /** Share of the content that the check at the start has looked at, 0 to 1. */
  readonly checkedFraction: number;
  /** Only as long as there is none: how far the metadata of a magnet link has come, in bytes. `size` is 0 while nobody gives it. */
  readonly metadata?: { readonly received: number; readonly size: number };
  /** Payload, bytes/s. */
  readonly rateIn: number;
  readonly rateOut: number;
  /** Payload bytes received in this run, since the torrent was added, from the own AS and from others. */
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
  /**
   * While none of the trackers that were asked works: none was reached, or one answered with a refusal. `none`: metadata is fetched, there is
   * no tracker, the DHT is off, and no peer is connected.
   */
  readonly tracker?: "unreachable" | "refused" | "none";
  /** Until everything wanted is there, at the present rate. Absent while nothing arrives. */
  readonly etaMs?: number;
  /** Under `coordinated`: what the books of its AS have seen that this peer kept. */
  readonly claims?: ClaimAccounts;
  /** Where the torrent has any, once its files are checked. */
  readonly webSeeds?: readonly WebSeedStatus[];
  /** Why it is paused, and goes on by itself. */
  readonly paused?: string;
  /** Why the torrent failed. */
  readonly error?: string;
}
