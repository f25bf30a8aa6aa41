import type { LedgerAccounts, RoleSpan, TorrentAccounts } from "@cachetorrent/peer";
import type { Asn, InfoHash, PeerId } from "@cachetorrent/protocol";

/** A role span of this role with these bytes and pieces by AS. */
export function span(role: string, bytesByAsn: RoleSpan["bytesByAsn"], pieces = 0): RoleSpan {
  return { role, from: 0, to: null, bytesByAsn, piecesByAsn: pieces > 0 ? { 1: pieces } : {} };
}

export function ledgerOf(
  infoHash: string,
  asn: number,
  figures: Partial<TorrentAccounts> = {},
): TorrentAccounts {
  return {
    infoHash: infoHash as InfoHash,
    asn: asn as Asn,
    startedAt: 0,
    firstAnnounceAt: null,
    completedAt: null,
    roles: [],
    sentByAsn: {},
    escapes: 0,
    externalPieces: "",
    ...figures,
  };
}

export function ledgerFile(peerId: string, torrent: TorrentAccounts): LedgerAccounts {
  return { peerId: peerId as PeerId, torrents: [torrent] };
}
