import type { Clock, Random } from "@cachetorrent/clock";
import type { CtError, Endpoint, PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentLedger } from "./accounts/ledger.ts";
import type { Trace } from "./accounts/trace.ts";
import type { Dht } from "./discovery/dht.ts";
import type { PieceCache } from "./disk/piece-cache.ts";
import type { OpenedStorage } from "./disk/storage.ts";
import type { EncryptionMode } from "./encryption/encryption-mode.ts";
import type { BufferBudget } from "./exchange/buffer-budget.ts";
import type { ChokerKind } from "./exchange/choker.ts";
import type { UploadPump } from "./exchange/upload-pump.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import type { Dialer } from "./neighbours/dialer.ts";
import type { LimitChanges } from "./rates/rate-limits.ts";
import type { SessionRates } from "./rates/session-rates.ts";
import type { FilePriority } from "./selection/selection.ts";
import type { Shared, StopRule } from "./stop-rule.ts";

/** What all torrents of a process share. */
export interface SessionServices {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trace: Trace;
  readonly dialer: Dialer;
  readonly encryption: EncryptionMode;
  readonly pump: UploadPump;
  readonly cache: PieceCache;
  readonly budget: BufferBudget;
  readonly rates: SessionRates;
  /** Where we listen; known before any torrent starts. */
  readonly listening: Endpoint;
  /** Our node of the DHT, where there is one. */
  readonly dht?: Dht;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
}

export interface TorrentOptions {
  readonly dir: string;
  /** Where what was verified is remembered from run to run; nowhere, unless said. */
  readonly stateDir?: string;
  /** Fails where pieces of it were verified in an earlier run, and all its files are gone: its disk may not be mounted. */
  readonly holdsIfGone?: boolean;
  readonly numwant: number;
  readonly uploadSlots: number;
  readonly choker: ChokerKind;
  readonly maxConnections: number;
  readonly capacity?: { readonly up: number; readonly down: number };
  readonly local?: Endpoint;
  /** Are peers exchanged with other peers (BEP 11)? Never about a private torrent. */
  readonly exchangesPeers?: boolean;
  /** Which files are wanted, by index in the metainfo's; what is left out is normal. */
  readonly files?: ReadonlyMap<number, FilePriority>;
  /** Fetches the first pieces first. */
  readonly isSequential?: boolean;
  /** When it has been shared enough. */
  readonly stopRule?: StopRule;
  /** What was shared of it before, and counts for that rule; nothing unless said. */
  readonly shared?: Shared;
  /** Where its content is on the web, besides where the torrent says; these may be at local addresses. */
  readonly webSeeds?: readonly string[];
  /** Of this torrent alone; those of the session hold besides. */
  readonly limits?: LimitChanges;
  /** Where its bytes are, instead of files in `dir`: with which pieces are there and verified. */
  openStorage?(): Promise<OpenedStorage>;
  /**
   * Everything wanted is there; again, when after that more was wanted. `downloaded`: pieces were fetched for it; false when everything was on
   * disk at the start.
   */
  onComplete(downloaded: boolean): void;
  /** Somebody waits for `onFlushed`: what came is flushed as soon as it is complete. */
  readonly flushesAtOnce?: boolean;
  /** As `onComplete`, after it: now that survives a power cut, too. */
  onFlushed?(downloaded: boolean): void;
  onError(error: CtError): void;
  /** It stops by its rule. */
  onShared?(reason: string): void;
}

/** Of a torrent that nothing is known of but its info-hash. */
export interface MagnetOptions extends Omit<TorrentOptions, "files"> {
  /** As `files`, once they are known. A CtError that it throws fails the torrent. */
  chooseFiles?(metainfo: Metainfo): ReadonlyMap<number, FilePriority>;
}

/** What everything of one torrent is made of. */
export interface TorrentParts {
  readonly metainfo: Metainfo;
  readonly services: SessionServices;
  readonly options: TorrentOptions;
  readonly ledger: TorrentLedger;
  readonly log: Logger;
}
