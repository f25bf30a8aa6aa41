import type { PeerStatus, TorrentState } from "@cachetorrent/peer";
import type { CtError, InfoHash, PeerId } from "@cachetorrent/protocol";

export interface TorrentRef {
  readonly infoHash: InfoHash;
  readonly name: string;
}

export interface Listening {
  readonly endpoint: string;
  readonly peerId: PeerId;
  readonly torrents: readonly TorrentRef[];
  /** Of a daemon: where it takes orders, and the file with the token that they need. */
  readonly control?: { readonly endpoint: string; readonly tokenFile: string };
}

/** How a running peer is told about: live lines on a terminal, plain lines, or JSON. */
export interface PeerReport {
  listening(self: Listening): void;
  /** Called once a second, instead of `progress`, until there is this file: it has not begun. */
  waiting(status: PeerStatus, file: string): void;
  /** False where `progress` would tell nothing of the torrent, whatever its figures: they need not be had. */
  hasProgress(torrent: { readonly infoHash: InfoHash; readonly state: TorrentState }): boolean;
  /** Called once a second, with the torrents that have progress. */
  progress(status: PeerStatus): void;
  complete(torrent: TorrentRef): void;
  /** A rule has stopped it. */
  shared(torrent: TorrentRef, reason: string): void;
  failed(error: CtError, torrent?: TorrentRef): void;
  /** The last word. */
  stopped(status: PeerStatus): void;
}
