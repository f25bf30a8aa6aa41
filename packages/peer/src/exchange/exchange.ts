import type { Clock, Random } from "@cachetorrent/clock";
import {
  type Asn,
  type CtCacheMessage,
  type CtError,
  isInternal,
  LIMITS,
  type PieceSet,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type { TorrentLedger } from "../accounts/ledger.ts";
import { RateMeter } from "../rates/rate-meter.ts";
import type { TokenBucket } from "../rates/token-bucket.ts";
import type { Grants, Role } from "../roles/role.ts";
import type { Connection } from "../wire/connection.ts";
import type { ConnectionOwner } from "../wire/connection-owner.ts";
import type { TorrentShape } from "../wire/frame-guard.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import type { ChokerKind } from "./choker.ts";
import { Disclosure } from "./disclosure.ts";
import { Downloads } from "./downloads.ts";
import type { UploadPump } from "./upload-pump.ts";
import type { Uploading } from "./uploading.ts";
import { Uploads } from "./uploads.ts";

/** What the exchange needs of its torrent. */
export interface ExchangeParts {
  readonly shape: TorrentShape;
  /** The pieces we hold, verified; the exchange adds to it. */
  readonly have: PieceSet;
  readonly role: Role;
  readonly clock: Clock;
  readonly random: Random;
  readonly choker: ChokerKind;
  /** By which rules pieces are given away at first; plain ones unless said. */
  readonly uploading?: Uploading;
  readonly budget: BufferBudget;
  readonly downBucket: TokenBucket;
  readonly pump: UploadPump;
  readonly ledger: TorrentLedger;
  /** The pieces themselves; a verified one is stored before it is told of. */
  readonly content: {
    isValid(piece: number, bytes: Uint8Array): boolean;
    store(piece: number, bytes: Uint8Array): Promise<void>;
    cached(piece: number): Uint8Array | undefined;
    load(piece: number): Promise<void>;
  };
  /** Who has duties, and must know what happens. */
  readonly watcher: ExchangeWatcher;
  /** Is this peer welcome? Returns why not. */
  refuse(connection: Connection): string | undefined;
  /** It sent bad data: it must not come back. */
  ban(connection: Connection): void;
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
  /** An initial seed, which showed its pieces one by one, has begun to tell of all. */
  shown(): void;
  /** A piece of which these sent parts is not what it should be. */
  spoiled(connections: ReadonlySet<Connection>, piece: number): void;
  /** We hold one more piece. */
  held(piece: number): void;
  closed(connection: Connection): void;
}

/** How often connections are looked at that say nothing: their time-outs are of many seconds. */
const CHECK_MS = 1000;
/** What people see as the rate: long enough not to flicker. */
const DISPLAY_WINDOW_MS = 3000;

/**
 * The connections of one torrent, and who is told what: what a connection says goes to `Downloads` and `Uploads`, what
 * we get is announced to the others.
 */
export class Exchange implements ConnectionOwner<Connection> {
  readonly connections = new Set<Connection>();
  /** Payload in and out. */
  readonly inRate: RateMeter;
  readonly outRate: RateMeter;
  readonly #parts: ExchangeParts;
  readonly downloads: Downloads;
  readonly #uploads: Uploads;
  readonly #disclosure: Disclosure;
  #role: Role;
  /** We are interested still, although they have nothing for us now. */
  readonly #lingering = new Set<Connection>();
  #checkedAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(parts: ExchangeParts) {
    const { clock, content, ledger } = parts;
    this.#parts = parts;
    this.#role = parts.role;
    this.inRate = new RateMeter(clock.now(), DISPLAY_WINDOW_MS);
    this.outRate = new RateMeter(clock.now(), DISPLAY_WINDOW_MS);
    this.#disclosure = new Disclosure({
      ...parts,
      connections: this.connections,
      role: () => this.#role,
      shown: () => parts.watcher.shown(),
    });
    this.downloads = new Downloads({
      ...parts,
      connections: this.connections,
      mayRequest: (connection, piece) => this.#role.mayRequest(connection, piece),
      granted: (connection) => this.#grantsFor(connection)?.granted(connection),
      snubbed: (connection) => parts.watcher.snubbed(connection),
      spoiled: (connections, piece) => parts.watcher.spoiled(connections, piece),
      isValid: (piece, bytes) => content.isValid(piece, bytes),
      store: (piece, bytes) => content.store(piece, bytes),
      stored: (piece, origin) => {
        ledger.pieceVerified(origin);
        this.#hold(piece);
      },
    });
    this.#uploads = new Uploads({
      ...parts,
      connections: this.connections,
      watcher: this.#disclosure,
      role: () => this.#role,
      pieceSize: (piece) => parts.shape.pieceSize(piece),
      cached: (piece) => content.cached(piece),
      load: (piece) => content.load(piece),
      sent: (connection, bytes) => {
        ledger.sent(connection.asn, bytes);
        this.outRate.add(bytes, clock.now());
      },
    });
    this.uploadBy(parts.uploading ?? "plain");
  }

  /** Does it, an initial seed, show its pieces one by one? */
  get isHoldingBack(): boolean {
    return this.#disclosure.isHoldingBack;
  }

  get role(): Role {
    return this.#role;
  }

  /** From now on pieces are given away by these rules. */
  uploadBy(uploading: Uploading): void {
    this.#disclosure.uploadBy(uploading);
    this.#uploads.uploadBy(uploading);
    this.#uploads.fillSlots();
  }

  /** From now on only what the role allows is asked for; what was asked for before is taken back. */
  setRole(role: Role): void {
    this.#role = role;
    // Plain BitTorrent, whatever the reason: nobody waits any longer for the word of a tracker.
    if (role.name === "independent" && this.#disclosure.isUndecided) this.uploadBy("plain");
    this.roleRulesChanged();
    this.#uploads.fillSlots();
  }

  /** What the role allows is something else than before. */
  roleRulesChanged(): void {
    for (const connection of this.connections) {
      this.downloads.count(connection, this.#grantsFor(connection) === undefined);
      this.downloads.withdraw(connection);
      this.recount(connection);
      this.#closeIfUseless(connection);
    }
    this.downloads.refillAllIn(0);
  }

  /** Connections with other ASes over which answers to our requests, taken back or not, may still come. */
  awaitingOutside(asn: Asn): Connection[] {
    return [...this.connections].filter((one) => !isInternal(one.asn, asn) && one.outstanding.unanswered > 0);
  }

  /** What was opened for a follower becomes a connection like any other: what we hold is told. */
  becomeDirect(connection: Connection): void {
    if (!connection.isIndirect) return;
    connection.isIndirect = false;
    this.#disclosure.becameDirect(connection);
    this.#uploads.fillSlots();
  }

  add(connection: Connection): void {
    this.connections.add(connection);
    connection.isCounted = this.#grantsFor(connection) === undefined;
  }

  /** Called a few times a second: time-outs, the choker's rounds, and whatever an event may have missed. */
  sweep(now: number): void {
    for (const connection of this.#lingering) this.recount(connection);
    if (now - this.#checkedAt >= CHECK_MS) {
      this.#checkedAt = now;
      for (const connection of this.connections) this.#check(connection, now);
    }
    this.#disclosure.sweep(now);
    this.#uploads.sweep(now);
    this.downloads.sweep(now);
  }

  /** Closes every connection, letting what is under way arrive. */
  stop(): void {
    this.#isStopped = true;
    this.#disclosure.flush();
    this.downloads.stop();
    for (const connection of this.connections) connection.close("stopping");
    if (this.connections.size === 0) this.downloads.giveUp();
  }

  /** Cuts every connection off. */
  kill(): void {
    this.#isStopped = true;
    this.downloads.stop();
    for (const connection of [...this.connections]) connection.abort("killed");
  }

  // What connections tell.

  handshaken(connection: Connection): boolean {
    const why = this.#isStopped ? "stopping" : this.#parts.refuse(connection);
    if (why) connection.close(why);
    return why === undefined;
  }

  ready(connection: Connection): void {
    this.#disclosure.ready(connection);
  }

  mapped(connection: Connection): void {
    this.downloads.joined(connection);
    for (const piece of connection.theirs) this.downloads.forwarded.announced(connection, piece);
    this.recount(connection);
    this.#disclosure.mapped(connection);
    this.#parts.watcher.mapped(connection);
    this.#closeIfUseless(connection);
  }

  has(connection: Connection, piece: number): void {
    this.downloads.gained(connection, piece);
    this.downloads.forwarded.announced(connection, piece);
    this.#disclosure.announced(connection, piece);
    this.#parts.watcher.has(connection, piece);
    if (this.#grantsFor(connection)) {
      this.recount(connection);
      this.#closeIfUseless(connection);
      return;
    }
    if (this.#parts.have.has(piece) || !this.#role.mayRequest(connection, piece)) {
      this.#closeIfUseless(connection);
      return;
    }
    connection.wanted++;
    connection.showInterest(true);
    if (connection.outstanding.size === 0) this.downloads.refill(connection);
  }

  interestChanged(): void {
    this.#uploads.fillSlots();
  }

  choked(connection: Connection): void {
    this.#parts.watcher.choked(connection);
  }

  unchoked(connection: Connection): void {
    this.#parts.watcher.unchoked(connection);
    this.downloads.refill(connection);
  }

  released(connection: Connection, keys: readonly number[]): void {
    this.downloads.released(connection, keys);
  }

  block(connection: Connection, piece: number, begin: number, bytes: Uint8Array): void {
    this.#parts.ledger.received(connection.asn, bytes.length, piece);
    this.inRate.add(bytes.length, this.#parts.clock.now());
    this.#parts.watcher.received(connection);
    this.downloads.received(connection, piece, begin, bytes);
    this.downloads.refill(connection);
  }

  mayServe(connection: Connection, piece: number): boolean {
    const mayKnow = this.#role.reveals(connection, piece) && this.#disclosure.mayServe(connection, piece);
    return mayKnow && this.#parts.have.has(piece);
  }

  requested(connection: Connection, piece?: number): void {
    this.#uploads.requested(connection, piece);
  }

  introduced(connection: Connection): void {
    this.#disclosure.introduced(connection);
    this.#parts.watcher.introduced(connection);
  }

  told(connection: Connection, message: CtCacheMessage | UnknownCtCacheMessage): void {
    this.#parts.watcher.told(connection, message);
  }

  closed(connection: Connection, reason: string): void {
    this.connections.delete(connection);
    this.#lingering.delete(connection);
    this.#disclosure.left(connection);
    this.#uploads.left(connection);
    this.downloads.left(connection);
    this.downloads.forwarded.ended(connection);
    this.#parts.closed(connection, reason);
    this.#parts.watcher.closed(connection);
    if (!this.#isStopped) this.#uploads.fillSlots();
    else if (this.connections.size === 0) this.downloads.giveUp();
  }

  /** A piece is ours now. */
  #hold(piece: number): void {
    const { have } = this.#parts;
    have.add(piece);
    this.#disclosure.held(piece);
    for (const connection of this.connections) {
      this.downloads.forwarded.held(connection, piece);
      if (this.#grantsFor(connection)) continue;
      const wasWanted = connection.theirs.has(piece) && this.#role.mayRequest(connection, piece);
      if (wasWanted) connection.wanted = Math.max(0, connection.wanted - 1);
      if (!connection.isInteresting) connection.showInterest(false);
    }
    this.#parts.watcher.held(piece);
    this.recountGranted();
    if (!have.isFull) return;
    this.#disclosure.flush();
    this.#parts.completed();
    for (const connection of this.connections) this.#closeIfUseless(connection);
  }

  #grantsFor(connection: Connection): Grants | undefined {
    const { grants } = this.#role;
    return grants?.applyTo(connection) ? grants : undefined;
  }

  /** What may be granted, or was, is something else than before. */
  recountGranted(connection?: Connection): void {
    if (!this.#role.grants) return;
    if (connection) this.recount(connection);
    else for (const connection of this.connections) if (this.#grantsFor(connection)) this.recount(connection);
  }

  /** What the connection has for us, by the role's rules. */
  recount(connection: Connection): void {
    const grants = this.#grantsFor(connection);
    if (grants) {
      this.#linger(connection, grants.isWorthwhile(connection));
      return;
    }
    let wanted = 0;
    for (const piece of connection.theirs) {
      if (!this.#parts.have.has(piece) && this.#role.mayRequest(connection, piece)) wanted++;
    }
    connection.wanted = wanted;
    connection.showInterest(connection.isInteresting);
  }

  /** Interest is not lost at once: in a moment there may be something again, and who asks anew waits for a slot. */
  #linger(connection: Connection, isWorthwhile: boolean): void {
    connection.wanted = isWorthwhile ? 1 : 0;
    const now = this.#parts.clock.now();
    if (isWorthwhile) connection.lingersSince = undefined;
    else connection.lingersSince ??= now;
    const isOver = now - (connection.lingersSince ?? now) >= LIMITS.claims.lingerMs;
    if (isWorthwhile || isOver || this.#parts.have.isFull) connection.showInterest(isWorthwhile);
    if (!isWorthwhile && connection.isShownInterest) this.#lingering.add(connection);
    else this.#lingering.delete(connection);
  }

  /** Two complete peers have nothing to say to each other, nor has a follower anything to say to a seed outside. */
  #closeIfUseless(connection: Connection): void {
    const { have } = this.#parts;
    if (!connection.theirs.isFull || connection.isInteresting) return;
    if (have.isFull) connection.close("both complete");
    else if (!this.#role.keeps(connection)) connection.close("outside seed");
  }

  #check(connection: Connection, now: number): void {
    if (!connection.isHandshaken) {
      if (now - connection.openedAt > LIMITS.peer.handshakeTimeoutMs) connection.abort("no handshake");
    } else if (connection.idleMs(now) > LIMITS.peer.idleTimeoutMs) connection.abort("silent");
    else connection.keepAlive(now);
  }
}
