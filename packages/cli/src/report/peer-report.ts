import type { PeerStatus } from "@cachetorrent/peer";
import type { CtError, InfoHash, PeerId } from "@cachetorrent/protocol";

export interface TorrentRef {
  readonly infoHash: InfoHash;
  readonly name: string;
}

/** How a running peer is told about: live lines on a terminal, plain lines, or JSON. */
export interface PeerReport {
  listening(self: { endpoint: string; peerId: PeerId; torrents: readonly TorrentRef[] }): void;
  /** Called once a second. */
  progress(status: PeerStatus): void;
  complete(torrent: TorrentRef): void;
  failed(error: CtError, torrent?: TorrentRef): void;
  /** The last word. */
  stopped(status: PeerStatus): void;
}
