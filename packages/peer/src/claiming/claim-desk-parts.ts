import type { Clock, Random } from "@cachetorrent/clock";
import type { CtCacheBody, Endpoint, Located, PeerId, PieceSet } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Downloads } from "../exchange/downloads.ts";
import type { Connection } from "../wire/connection.ts";

export interface ClaimDeskParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly peerId: PeerId;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  /** Those that we hold, or do not want. */
  readonly settled: PieceSet;
  /** Of those that we want: the higher, the sooner. */
  priorityOf(piece: number): number;
  readonly pieceLength: number;
  /** Our own endpoints. */
  readonly ours: readonly Endpoint[];
  /** The declared upload capacity, bytes/s. */
  readonly up: number;
  readonly connections: ReadonlySet<Connection>;
  readonly downloads: Downloads;
  /** Do we, an initial seed, show our pieces one by one, to our own AS too? */
  isHoldingBack(): boolean;
  tell(connection: Connection, body: CtCacheBody): void;
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  connectionTo(endpoint: Endpoint): Connection | undefined;
  isOutOfReach(endpoint: Endpoint): boolean;
  locate(endpoint: Endpoint): Promise<Located>;
  report(leader: PeerId): void;
  /** What may be asked of the outside connection, or of all of them, is something else than before. */
  changed(connection?: Connection): void;
}
