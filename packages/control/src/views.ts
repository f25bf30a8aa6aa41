import {
  type FilePriority,
  type LedgerAccounts,
  type Metainfo,
  NO_LIMITS,
  type PeerTorrent,
  pieceSize,
  type Shared,
  type TorrentAccounts,
  type TorrentStatus,
} from "@cachetorrent/peer";
import { formatEndpoint, type InfoHash, type PieceSet, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { wholeAmounts } from "./kept-torrent.ts";
import { type LimitValues, limitChanges, limitValues } from "./limit-values.ts";
import type { LostTorrent } from "./lost-torrents.ts";
import type { TorrentKeeper } from "./torrent-keeper.ts";

/** A torrent as the control interface shows it. */
export interface TorrentView extends TorrentStatus {
  readonly dir: string;
  /** Ms since the Unix epoch. */
  readonly addedAt: number;
  readonly limits: LimitValues;
  readonly stopRule: { readonly ratio?: number; readonly afterMs?: number };
  /** Since it was added. Absent in events: they would tell each second of a torrent that rests. */
  readonly shared?: Shared;
}

export interface FileView {
  readonly index: number;
  readonly path: string;
  readonly length: number;
  /** Bytes of it in pieces that were checked; null while nothing is known. */
  readonly verifiedBytes: number | null;
  readonly priority: FilePriority;
}

/** The files of a torrent, and why it is paused if it is: for want of room, say. */
export interface FilesView {
  readonly files: readonly FileView[];
  readonly paused?: string;
}

export function torrentView(torrent: PeerTorrent, addedAt: number): TorrentView {
  const { dir, limits, stopRule } = torrent;
  return { ...torrent.status(), dir, addedAt, limits: limitValues(limits), stopRule };
}

/** As `torrentView`, for who asks. */
export function wholeView(torrent: PeerTorrent, addedAt: number): TorrentView {
  return { ...torrentView(torrent, addedAt), shared: wholeAmounts(torrent.shared) };
}

/** One that could not be started again. */
export function lostView({ error, saved }: LostTorrent): TorrentView {
  const { addedAt, dir, infoHash, limits, shared, stopRule = {}, verifiedBytes = 0 } = saved;
  return {
    infoHash,
    name: infoHash,
    state: "failed",
    length: 0,
    verifiedBytes,
    checkedFraction: 0,
    metadata: { received: 0, size: 0 },
    rateIn: 0,
    rateOut: 0,
    internalBytes: 0,
    externalBytes: 0,
    sentBytes: 0,
    peers: 0,
    role: "pending",
    asn: UNKNOWN_ASN,
    leads: false,
    error: error.message,
    dir,
    addedAt,
    limits: limitValues({ ...NO_LIMITS, ...limitChanges(limits) }),
    stopRule,
    ...(shared ? { shared } : {}),
  };
}

/** All torrents of a daemon, those last that could not be started again. */
export function allViews(keeper: TorrentKeeper, view: typeof torrentView): TorrentView[] {
  const lost = [...keeper.lost.values()].map(lostView);
  return [...keeper.torrents.map((torrent) => view(torrent, keeper.addedAt(torrent.infoHash))), ...lost];
}

/** One of these. Throws CT_ERR_NO_TORRENT. */
export function viewOf(keeper: TorrentKeeper, infoHash: InfoHash): TorrentView {
  const lost = keeper.lost.get(infoHash);
  return lost ? lostView(lost) : wholeView(keeper.get(infoHash), keeper.addedAt(infoHash));
}

export function filesView(torrent: PeerTorrent): FilesView {
  const { paused } = torrent.status();
  return { files: fileViews(torrent), ...(paused === undefined ? {} : { paused }) };
}

/** Those of a torrent that are files: padding is left out, and keeps its index. */
function fileViews(torrent: PeerTorrent): FileView[] {
  const { files, metainfo } = torrent;
  const { have } = torrent.inSwarm;
  return (metainfo?.files ?? []).flatMap((file, index) => {
    if (file.pad) return [];
    const { length, path } = file;
    return {
      index,
      path: path.join("/"),
      length,
      verifiedBytes: have && metainfo ? verifiedOf(metainfo, file, have) : null,
      priority: files?.get(index) ?? "normal",
    };
  });
}

/** What the peer is in its swarm, and was, and who leads its AS. */
export function roleView(torrent: PeerTorrent, accounts: TorrentAccounts | undefined) {
  const { asn, claims, leads, policy, role, term } = torrent.status();
  const { leaders } = torrent.inSwarm;
  return {
    role,
    asn,
    leads,
    ...(policy === undefined ? {} : { policy }),
    ...(term === undefined ? {} : { term }),
    ...(claims === undefined ? {} : { claims }),
    leaders: (leaders?.leaders ?? []).map(({ down, endpoint, peerId, up }) => ({
      peerId,
      endpoint: formatEndpoint(endpoint),
      up,
      down,
    })),
    spans: (accounts?.roles ?? []).map(({ from, role, to }) => ({ role, from, to })),
  };
}

export function accountsOf(ledger: LedgerAccounts, infoHash: string): TorrentAccounts | undefined {
  return ledger.torrents.find((torrent) => torrent.infoHash === infoHash);
}

function verifiedOf(
  metainfo: Metainfo,
  { length, offset }: { readonly length: number; readonly offset: number },
  have: PieceSet,
): number {
  let bytes = 0;
  const { pieceLength } = metainfo;
  for (let piece = Math.floor(offset / pieceLength); piece * pieceLength < offset + length; piece++) {
    if (!have.has(piece)) continue;
    const begin = Math.max(offset, piece * pieceLength);
    const end = Math.min(offset + length, piece * pieceLength + pieceSize(metainfo, piece));
    bytes += end - begin;
  }
  return bytes;
}
