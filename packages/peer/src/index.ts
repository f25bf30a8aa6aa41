export { type PeerConfig, PeerConfigSchema } from "./config.ts";
export { type CreatedTorrent, type CreateOptions, createTorrentFile } from "./create.ts";
export { type PeerDaemon, type PeerEvents, startPeer } from "./daemon.ts";
export type { ByAsn, LedgerAccounts, RoleSpan, TorrentAccounts } from "./ledger.ts";
export { loadMetainfo, type Metainfo, parseMetainfo, pieceSize, type TorrentFile } from "./metainfo.ts";
export type { PieceSet } from "./piece-set.ts";
export type { PeerStatus, TorrentState, TorrentStatus } from "./status.ts";
export { FileStorage, type Storage } from "./storage.ts";
export { verifyOnDisk } from "./verifier.ts";
