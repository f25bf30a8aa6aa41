import type { LedgerAccounts, RoleSpan, TorrentAccounts } from "@cachetorrent/peer";
import type { Asn, InfoHash, PeerId } from "@cachetorrent/protocol";
import { emptyAccounts } from "../../src/ledger.ts";

/** A role span of this role with these bytes and pieces by AS. */
export function span(role: string, bytesByAsn: RoleSpan["bytesByAsn"], pieces = 0): RoleSpan {
  return { role, from: 0, to: null, bytesByAsn, piecesByAsn: pieces > 0 ? { 1: pieces } : {} };
}

export function ledgerOf(
  infoHash: string,
  asn: number,
  figures: Partial<TorrentAccounts> = {},
): TorrentAccounts {
  return { ...emptyAccounts(infoHash as InfoHash), asn: asn as Asn, ...figures };
}

export function ledgerFile(peerId: string, torrent: TorrentAccounts): LedgerAccounts {
  return { peerId: peerId as PeerId, torrents: [torrent] };
}
