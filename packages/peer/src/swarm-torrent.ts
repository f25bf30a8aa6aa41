import type { Endpoint, Leaders, PieceSet } from "@cachetorrent/protocol";
import type { TrackerDetails } from "./announcing/tracker-details.ts";
import type { Discoverable } from "./discovery/discoverable.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import type { PeerDetails } from "./peer-details.ts";
import type { LimitChanges, RateLimits } from "./rates/rate-limits.ts";
import type { FilePriority } from "./selection/selection.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import type { Shared, StopRule } from "./stop-rule.ts";
import type { Transport } from "./wire/transport.ts";

/** A torrent of a session, whether its metadata is known or still to come. */
export interface SwarmTorrent extends Discoverable {
  /** Open connections, and those being opened. */
  readonly connectionCount: number;
  /** Undefined as long as only a magnet link is known. */
  readonly metainfo: Metainfo | undefined;
  /** The pieces that are verified and on disk; undefined until that was checked. */
  readonly have: PieceSet | undefined;
  /** The newest result of the own electorate, as far as it was told. */
  readonly leaders: Leaders | undefined;
  /** The connected peers that trade its pieces. */
  peers(): PeerDetails[];
  /** Its trackers in the order in which they are tried, as they are now: nothing is asked for it. */
  trackers(): TrackerDetails[];
  /** The limits of this torrent alone, bytes/s. */
  readonly limits: RateLimits;
  /** Changes limits of this torrent while it runs; those of the session hold besides. Throws a RangeError for what is no rate. */
  setLimits(changes: LimitChanges): void;
  /** Of each file of the metainfo in turn; empty until that is known. */
  readonly files: readonly FilePriority[];
  /**
   * Changes which files are wanted, by index in the metainfo's, while it runs; what is left out stays. On a full disk, too: then the torrent
   * is paused until there is room. Rejects with a RangeError for what is no file or priority, and with CT_ERR_FILE_IN_THE_WAY where something
   * else is in the place of a file: then nothing has changed. With another CtError, of the disk, the torrent has failed.
   */
  setFiles(priorities: ReadonlyMap<number, FilePriority>): Promise<void>;
  /** How much it has been shared, with what was before it. */
  readonly shared: Shared;
  /** When it has been shared enough, from now on. */
  setStopRule(rule: StopRule): void;
  /** What fails is told by `onError`; never rejects. */
  start(): Promise<void>;
  /** Leaves the swarm. Idempotent; never rejects. */
  stop(): Promise<void>;
  /** Ends without a word to anybody, as if the process were killed. Never rejects. */
  kill(): Promise<void>;
  /** A connection that came in for this torrent. */
  accept(socket: Transport, remote: Endpoint): void;
  /** That of `status`, which is more to make. */
  readonly state: TorrentState;
  status(): TorrentStatus;
}
