import type { Clock, Random } from "@cachetorrent/clock";
import type { CtError, Endpoint, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Trace } from "./accounts/trace.ts";
import type { PieceCache } from "./disk/piece-cache.ts";
import type { OpenedStorage } from "./disk/storage.ts";
import type { BufferBudget } from "./exchange/buffer-budget.ts";
import type { ChokerKind } from "./exchange/choker.ts";
import type { UploadPump } from "./exchange/upload-pump.ts";
import type { Dialer } from "./neighbours/dialer.ts";
import type { TokenBucket } from "./rates/token-bucket.ts";

/** What all torrents of a process share. */
export interface SessionServices {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trace: Trace;
  readonly dialer: Dialer;
  readonly pump: UploadPump;
  readonly cache: PieceCache;
  readonly budget: BufferBudget;
  readonly downBucket: TokenBucket;
  /** Where we listen; known before any torrent starts. */
  readonly listening: Endpoint;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
}

export interface TorrentOptions {
  readonly dir: string;
  readonly numwant: number;
  readonly uploadSlots: number;
  readonly choker: ChokerKind;
  readonly maxConnections: number;
  readonly capacity?: { readonly up: number; readonly down: number };
  readonly local?: Endpoint;
  /** Where its bytes are, instead of files in `dir`: with which pieces are there and verified. */
  openStorage?(): Promise<OpenedStorage>;
  /** `downloaded`: pieces were fetched for it; false when everything was on disk at the start. */
  onComplete(downloaded: boolean): void;
  onError(error: CtError): void;
}
