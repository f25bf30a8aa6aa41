export type { ClaimAccounts } from "@cachetorrent/claims";
export {
  type ByAsn,
  Ledger,
  type LedgerAccounts,
  type RoleSpan,
  type TorrentAccounts,
  type TorrentLedger,
  type TorrentTraffic,
} from "./accounts/ledger.ts";
export { noTrace } from "./accounts/trace.ts";
export type { TrackerDetails } from "./announcing/tracker-details.ts";
export { DEFAULT_CONTROL, type PeerConfig, PeerConfigSchema } from "./config.ts";
export { type PeerDaemon, type PeerEvents, startPeer } from "./daemon.ts";
export { FileStorage } from "./disk/file-storage.ts";
export { folderAbove } from "./disk/folder-above.ts";
export { PieceCache } from "./disk/piece-cache.ts";
export { openStateDirectory, refuseForeign } from "./disk/state-directory.ts";
export type { OpenedStorage, Storage } from "./disk/storage.ts";
export { errnoOf, storageError } from "./disk/storage-error.ts";
export { verifyOnDisk } from "./disk/verifier.ts";
export {
  type CreatedTorrent,
  type CreateOptions,
  checkPieceLength,
  createTorrentFile,
} from "./metainfo/create.ts";
export { isMagnet, type Magnet, parseMagnet } from "./metainfo/magnet.ts";
export {
  loadMetainfo,
  type Metainfo,
  parseMetainfo,
  pieceSize,
  readTorrentFile,
  type TorrentFile,
} from "./metainfo/metainfo.ts";
export type { PeerDetails } from "./peer-details.ts";
export { PeerTorrent } from "./peer-torrent.ts";
export {
  LIMIT_NAMES,
  type LimitChanges,
  type LimitName,
  NO_LIMITS,
  type RateLimits,
} from "./rates/rate-limits.ts";
export { parseSchedule, parseScheduleEntry, type ScheduleEntry } from "./rates/schedule.ts";
export type { SharedLinks } from "./rates/shared-links.ts";
export { type FilePatterns, fileChooser } from "./selection/patterns.ts";
export { FILE_PRIORITIES, type FilePriority } from "./selection/selection.ts";
export { makePeerId, Session, type SessionOptions } from "./session.ts";
export type { PeerStatus, TorrentState, TorrentStatus, WebSeedStatus } from "./status.ts";
export type { Shared, StopRule } from "./stop-rule.ts";
export type { SwarmTorrent } from "./swarm-torrent.ts";
export type { Torrent } from "./torrent.ts";
export type { TorrentOptions } from "./torrent-options.ts";
export type { TorrentWishes } from "./torrent-wishes.ts";
