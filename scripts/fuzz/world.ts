import type { InfoHash, PeerId } from "@cachetorrent/protocol";

/** What generators know of the swarm that they attack. */
export interface World {
  readonly infoHash: InfoHash;
  /** Of all torrents that the leecher has, that one among them. */
  readonly infoHashes: readonly InfoHash[];
  readonly pieceCount: number;
  readonly pieceLength: number;
  /** Of the daemons: to speak in their names. */
  readonly peerIds: readonly PeerId[];
  /** The port, on every loopback address, at which the fuzzer itself is a peer. */
  readonly dialledPort: number;
}
