import type { EventEmitter } from "node:events";
import type { Clock, Random } from "@cachetorrent/clock";
import type { CtError, Endpoint, InfoHash, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { PeerConfig } from "./config.ts";
import type { PeerStatus } from "./status.ts";

export interface PeerEvents {
  complete: [{ readonly infoHash: InfoHash; readonly name: string }];
  /** This torrent failed; others go on. */
  error: [{ readonly infoHash: InfoHash; readonly error: CtError }];
}

/** A running peer: its listener and all its torrents. */
export interface PeerDaemon {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly events: EventEmitter<PeerEvents>;
  /** Every torrent is complete. */
  readonly allComplete: Promise<void>;
  /** Nothing is left to do, because of this error. */
  readonly failed: Promise<CtError>;
  status(): PeerStatus;
  /** Announces `stopped`, flushes data and ledger, closes every socket. Idempotent; under 5 s. */
  stop(): Promise<void>;
}

export function startPeer(
  _config: PeerConfig,
  _torrentFiles: readonly string[],
  _parts: { clock: Clock; random: Random; log: Logger },
): Promise<PeerDaemon> {
  throw new Error("under construction");
}
