import type { Clock, Random } from "@cachetorrent/clock";
import type {
  CtCacheMessage,
  CtError,
  Endpoint,
  PieceSet,
  UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type { TorrentLedger } from "../accounts/ledger.ts";
import type { TorrentRates } from "../rates/torrent-rates.ts";
import type { Role } from "../roles/role.ts";
import type { Wanted } from "../selection/wanted.ts";
import type { BlockRequest } from "../wire/block-request.ts";
import type { Connection } from "../wire/connection.ts";
import type { TorrentShape } from "../wire/frame-guard.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import type { ChokerKind } from "./choker.ts";
import type { UploadPump } from "./upload-pump.ts";
import type { Uploading } from "./uploading.ts";

/** What the exchange needs of its torrent. */
export interface ExchangeParts {
  readonly shape: TorrentShape;
  /** The pieces we hold, verified; the exchange adds to it. */
  readonly have: PieceSet;
  /** The pieces still to be fetched; the exchange tells it of those it has added to `have`. */
  readonly wanted: Wanted;
  /** The first pieces first, instead of the rarest. */
  readonly isSequential?: boolean;
  readonly role: Role;
  readonly clock: Clock;
  readonly random: Random;
  readonly choker: ChokerKind;
  /** By which rules pieces are given away at first; plain ones unless said. */
  readonly uploading?: Uploading;
  readonly budget: BufferBudget;
  readonly rates: TorrentRates;
  readonly pump: UploadPump;
  readonly ledger: TorrentLedger;
  /** The pieces themselves; a verified one is stored before it is told of. */
  readonly content: {
    isValid(piece: number, bytes: Uint8Array): boolean;
    store(piece: number, bytes: Uint8Array): Promise<void>;
    /** As `store`, without waiting. False where that cannot be. */
    storeAtOnce(piece: number, bytes: Uint8Array): boolean;
    /** In memory, for those who will ask for it; its bytes may be freed from then on. False if that is not done. */
    keep(piece: number, bytes: Uint8Array): boolean;
    /** Is the block in memory, or can it be read without waiting, `fromDisk` or not? If not, `load` brings it. */
    isAtHand(request: BlockRequest, fromDisk: boolean): boolean;
    /** A block that is at hand. Undefined where that has changed. */
    atOnce(request: BlockRequest, fromDisk: boolean): Uint8Array | undefined;
    /** What `atOnce` gave is on its way out until what is returned is called. */
    lend(block: Uint8Array): () => void;
    load(request: BlockRequest): Promise<void>;
  };
  /** Who has duties, and must know what happens. */
  readonly watcher: ExchangeWatcher;
  /** Is this peer welcome? Returns why not. */
  refuse(connection: Connection): string | undefined;
  /** It sent bad data: it must not come back. */
  ban(connection: Connection): void;
  /** It told of other peers (BEP 11). */
  toldOfPeers(connection: Connection, endpoints: readonly Endpoint[]): void;
  closed(connection: Connection, reason: string): void;
  completed(): void;
  failed(error: CtError): void;
}

/** What the exchange tells of itself to whoever leads or follows. */
export interface ExchangeWatcher {
  introduced(connection: Connection): void;
  told(connection: Connection, message: CtCacheMessage | UnknownCtCacheMessage): void;
  mapped(connection: Connection): void;
  has(connection: Connection, piece: number): void;
  choked(connection: Connection): void;
  unchoked(connection: Connection): void;
  /** Payload came. */
  received(connection: Connection): void;
  /** It lets requests lie. */
  snubbed(connection: Connection): void;
  /** It owes a word and says nothing: it may be cut off. */
  fellSilent(connection: Connection): void;
  /** An initial seed, which showed its pieces one by one, has begun to tell of all. */
  shown(): void;
  /** A piece of which these sent parts is not what it should be. */
  spoiled(connections: ReadonlySet<Connection>, piece: number): void;
  /** We hold one more piece. */
  held(piece: number): void;
  closed(connection: Connection): void;
}
