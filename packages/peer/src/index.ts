export type { ByAsn, LedgerAccounts, RoleSpan, TorrentAccounts } from "./accounts/ledger.ts";
export { type PeerConfig, PeerConfigSchema } from "./config.ts";
export { type PeerDaemon, type PeerEvents, startPeer } from "./daemon.ts";
export { FileStorage, type Storage } from "./disk/storage.ts";
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
export type { PieceSet } from "./piece-set.ts";
export type { PeerStatus, TorrentState, TorrentStatus } from "./status.ts";
