import type { TorrentAccounts } from "@cachetorrent/peer";
import { type Asn, isInternal, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { percentile } from "./percentile.ts";

/** One peer of a run: what it is by the scenario, and what it wrote down itself. */
export interface PeerRecord {
  /** The AS the peer's address belongs to. */
  readonly asn: Asn;
  /** It held the whole content before the run. */
  readonly initialSeed: boolean;
  readonly ledger: TorrentAccounts;
}

/** The content's size and the length of its pieces (the last may be shorter), in bytes. */
export interface ContentSize {
  readonly bytes: number;
  readonly pieceLength: number;
}

/** What a run is judged by. A figure that nothing was measured for is null. Definitions: docs/terms.md. */
export interface Accounts {
  /** Times the content crossed into an AS: the mean over the measured ASes. 1 is the least possible. */
  readonly redundancy: number | null;
  readonly redundancyMax: number | null;
  /** Crossings per (AS, piece) that crossed at all, the initial seed's AS included. */
  readonly seedRedundancy: number | null;
  /** By AS number. Measured are the ASes that hold no initial seed and at least one complete peer. */
  readonly redundancyByAs: Readonly<Record<string, number>>;
  /** Payload bytes that came from another AS than the receiver's, over all receivers. */
  readonly externalBytes: number;
  /** From the first announce answer to the last verified piece, over the complete peers that were no initial seed. */
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly maxMs: number | null;
  /** All peers of the run, and those that hold the whole content at its end: initial seeds count in both. */
  readonly peers: number;
  readonly completed: number;
}

/** Bytes are payload bytes as their receivers counted them, by the sender's AS. */
export function accountsOf(peers: readonly PeerRecord[], content: ContentSize): Accounts {
  const redundancyByAs: Record<string, number> = {};
  for (const asn of measuredAses(peers)) {
    const crossed = sum(peers.filter((peer) => peer.asn === asn).map(externalBytes));
    redundancyByAs[asn] = crossed / content.bytes;
  }
  const redundancies = Object.values(redundancyByAs);
  const crossed = sum(peers.map(externalBytes));
  const once = sum(crossedPieces(peers).map((piece) => pieceBytes(piece, content)));
  const times = peers.map(completionMs).filter((time) => time !== undefined);
  return {
    redundancy: redundancies.length > 0 ? sum(redundancies) / redundancies.length : null,
    redundancyMax: redundancies.length > 0 ? Math.max(...redundancies) : null,
    seedRedundancy: once > 0 ? crossed / once : null,
    redundancyByAs,
    externalBytes: crossed,
    p50Ms: percentile(times, 50),
    p90Ms: percentile(times, 90),
    maxMs: percentile(times, 100),
    peers: peers.length,
    completed: peers.filter(isComplete).length,
  };
}

/** Payload bytes this peer received from other ASes than its own. */
export function externalBytes(peer: PeerRecord): number {
  return sum(
    peer.ledger.roles.flatMap((role) =>
      Object.entries(role.bytesByAsn)
        .filter(([from]) => !isInternal(peer.asn, Number(from) as Asn))
        .map(([, bytes]) => bytes),
    ),
  );
}

/** All payload bytes this peer received. */
export function receivedBytes(peer: PeerRecord): number {
  return sum(peer.ledger.roles.flatMap((role) => Object.values(role.bytesByAsn)));
}

/** Peers of unknown AS are strangers to each other too: they make up no AS that could be measured. */
function measuredAses(peers: readonly PeerRecord[]): Asn[] {
  const origins = new Set(peers.filter((peer) => peer.initialSeed).map((peer) => peer.asn));
  const reached = new Set(peers.filter(isComplete).map((peer) => peer.asn));
  return [...reached].filter((asn) => asn !== UNKNOWN_ASN && !origins.has(asn)).sort((a, b) => a - b);
}

/** A piece index for each (AS, piece) of which any byte came from outside; a peer of unknown AS is its own site. */
function crossedPieces(peers: readonly PeerRecord[]): number[] {
  const sites = new Map<string, Set<number>>();
  peers.forEach((peer, i) => {
    const site = peer.asn === UNKNOWN_ASN ? `peer ${i}` : `AS ${peer.asn}`;
    const pieces = sites.get(site) ?? new Set<number>();
    sites.set(site, pieces);
    for (const piece of piecesOf(peer.ledger.externalPieces)) pieces.add(piece);
  });
  return [...sites.values()].flatMap((pieces) => [...pieces]);
}

function* piecesOf(hexBitfield: string): Generator<number> {
  const bytes = Buffer.from(hexBitfield, "hex");
  for (let piece = 0; piece < bytes.length * 8; piece++) {
    if (((bytes[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0) yield piece;
  }
}

function pieceBytes(piece: number, content: ContentSize): number {
  return Math.max(0, Math.min(content.pieceLength, content.bytes - piece * content.pieceLength));
}

function isComplete(peer: PeerRecord): boolean {
  return peer.initialSeed || peer.ledger.completedAt !== null;
}

function completionMs(peer: PeerRecord): number | undefined {
  const { firstAnnounceAt, completedAt } = peer.ledger;
  if (peer.initialSeed || firstAnnounceAt === null || completedAt === null) return undefined;
  // A peer may have known another source before its tracker answered: then it took no time by this definition.
  return Math.max(0, completedAt - firstAnnounceAt);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
