export type { ClaimAccounts } from "@cachetorrent/claims";
export {
  type ByAsn,
  Ledger,
  type LedgerAccounts,
  type RoleSpan,
  type TorrentAccounts,
  type TorrentLedger,
} from "./accounts/ledger.ts";
export { noTrace } from "./accounts/trace.ts";
export { type PeerConfig, PeerConfigSchema } from "./config.ts";
export { type PeerDaemon, type PeerEvents, startPeer } from "./daemon.ts";
export { PieceCache } from "./disk/piece-cache.ts";
export { FileStorage, type OpenedStorage, type Storage } from "./disk/storage.ts";
export { storageError } from "./disk/storage-error.ts";
export { verifyOnDisk } from "./disk/verifier.ts";
export {
  type CreatedTorrent,
  type CreateOptions,
  checkPieceLength,
  createTorrentFile,
} from "./metainfo/create.ts";
export {
  loadMetainfo,
  type Metainfo,
  parseMetainfo,
  pieceSize,
  type TorrentFile,
} from "./metainfo/metainfo.ts";
export type { SharedLinks } from "./rates/shared-links.ts";
export { makePeerId, Session, type SessionOptions } from "./session.ts";
export type { PeerStatus, TorrentState, TorrentStatus } from "./status.ts";
export type { Torrent } from "./torrent.ts";
export type { TorrentOptions } from "./torrent-options.ts";
