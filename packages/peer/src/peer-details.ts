import { type Asn, formatEndpoint, isInternal, type PeerId } from "@cachetorrent/protocol";
import type { Connection } from "./wire/connection.ts";

/** A connected peer of a torrent, as displays show it. */
export interface PeerDetails {
  /** `HOST:PORT` of the connection's other end. */
  readonly endpoint: string;
  readonly peerId: PeerId;
  /** UNKNOWN_ASN until a tracker told. */
  readonly asn: Asn;
  /** Is it in our own AS? */
  readonly isInternal: boolean;
  /** Who opened the connection: they did, or we. */
  readonly direction: "in" | "out";
  /** Payload, bytes/s. */
  readonly rateIn: number;
  readonly rateOut: number;
  /** Share of the pieces that it has, by its word, 0 to 1. */
  readonly fraction: number;
  /** Do we want anything of what it has? */
  readonly isWanted: boolean;
  readonly isInterested: boolean;
  /** Does it choke us? */
  readonly chokesUs: boolean;
  /** Do we choke it? */
  readonly isChoked: boolean;
  /** Does it speak CacheTorrent's extension? */
  readonly isMember: boolean;
}

/** Those of the connections with peers whose handshake is over, ours being `ownAsn`. */
export function peerDetails(connections: Iterable<Connection>, ownAsn: Asn, now: number): PeerDetails[] {
  return [...connections].flatMap((one) => {
    const { asn, direction, isInterested, peerId, remote, theirs, upload } = one;
    if (peerId === undefined || !one.isOpen || one.isWebSeed) return [];
    return {
      endpoint: formatEndpoint(remote),
      peerId,
      asn,
      isInternal: isInternal(asn, ownAsn),
      direction,
      rateIn: one.downRate.rate(now),
      rateOut: upload.rate.rate(now),
      fraction: theirs.pieceCount === 0 ? 1 : theirs.size / theirs.pieceCount,
      isWanted: one.wanted > 0,
      isInterested,
      chokesUs: one.isChoked,
      isChoked: upload.isChoking,
      isMember: one.speaksCtCache,
    };
  });
}
