import type { Clock, Random } from "@cachetorrent/clock";
import { type Asn, type CtError, LIMITS } from "@cachetorrent/protocol";
import { BadDataFinder } from "./bad-data.ts";
import { type ActivePiece, BlockBook } from "./block-book.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import { Choker, type ChokerKind } from "./choker.ts";
import { blockLength, type Connection, type ConnectionOwner } from "./connection.ts";
import type { TorrentShape } from "./frame-guard.ts";
import { HaveBatcher } from "./have-batcher.ts";
import type { TorrentLedger } from "./ledger.ts";
import { Picker } from "./picker.ts";
import type { PieceSet } from "./piece-set.ts";
import { RateMeter } from "./rate-meter.ts";
import { RequestScheduler } from "./request-scheduler.ts";
import type { Role } from "./roles/role.ts";
import type { TokenBucket } from "./token-bucket.ts";
import type { BlockSource, UploadPump } from "./upload-pump.ts";

/** What the exchange needs of its torrent. */
export interface ExchangeParts {
  readonly shape: TorrentShape;
  /** The pieces we hold, verified; the exchange adds to it. */
  readonly have: PieceSet;
  readonly role: Role;
  readonly clock: Clock;
  readonly random: Random;
  readonly choker: ChokerKind;
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
  /** Is this peer welcome? Returns why not. */
  refuse(connection: Connection): string | undefined;
  /** It sent bad data: it must not come back. */
  ban(connection: Connection): void;
  closed(connection: Connection, reason: string): void;
  completed(): void;
  failed(error: CtError): void;
}

/** The pieces of one torrent going in and out over all its connections. */
export class Exchange implements ConnectionOwner {
  readonly connections = new Set<Connection>();
  /** Payload in and out. */
  readonly inRate: RateMeter;
  readonly outRate: RateMeter;
  readonly #parts: ExchangeParts;
  readonly #picker: Picker;
  readonly #book: BlockBook;
  readonly #scheduler: RequestScheduler<Connection>;
  readonly #choker: Choker<Connection>;
  readonly #haves: HaveBatcher;
  readonly #badData = new BadDataFinder<Connection>();
  readonly #source: BlockSource;
  #role: Role;
  #rechokedAt = Number.NEGATIVE_INFINITY;
  #refilling = false;
  #stopped = false;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#role = parts.role;
    this.inRate = new RateMeter(parts.clock.now(), DISPLAY_WINDOW_MS);
    this.outRate = new RateMeter(parts.clock.now(), DISPLAY_WINDOW_MS);
    this.#picker = new Picker(parts.shape.pieceCount, parts.random);
    for (const piece of parts.have) this.#picker.close(piece);
    this.#book = new BlockBook(parts.shape, parts.budget);
    this.#haves = new HaveBatcher(parts.clock, (pieces) => this.#announce(pieces));
    this.#choker = new Choker({ kind: parts.choker, slots: () => this.#role.slots(), random: parts.random });
    this.#scheduler = new RequestScheduler({
      picker: this.#picker,
      book: this.#book,
      downBucket: parts.downBucket,
      mayRequest: (connection, piece) => this.#role.mayRequest(connection, piece),
      suspects: () => this.#badData.suspects(),
      heldBack: (waitMs) => this.#refillAllIn(waitMs),
    });
    this.#source = {
      cached: (piece) => parts.content.cached(piece),
      load: (piece) => this.#load(piece),
      sent: (connection, bytes) => {
        parts.ledger.sent(connection.asn, bytes);
        this.outRate.add(bytes, parts.clock.now());
      },
    };
  }

  get role(): Role {
    return this.#role;
  }

  setRole(role: Role): void {
    this.#role = role;
    for (const connection of this.connections) this.#recount(connection);
    this.#refillAllIn(0);
  }

  add(connection: Connection): void {
    this.connections.add(connection);
  }

  /** Called a few times a second: time-outs, the choker's rounds, and whatever an event may have missed. */
  sweep(now: number): void {
    for (const connection of this.connections) this.#sweepConnection(connection, now);
    this.#freeSuspects();
    if (now - this.#rechokedAt >= LIMITS.peer.rechokeMs) this.#rechoke(now);
    this.#refillAll();
  }

  /** Closes every connection, letting what is under way arrive. */
  stop(): void {
    this.#stopped = true;
    this.#haves.flush();
    for (const connection of this.connections) connection.close("stopping");
    if (this.connections.size === 0) this.#giveUpPieces();
  }

  // What connections tell.

  handshaken(connection: Connection): boolean {
    const why = this.#stopped ? "stopping" : this.#parts.refuse(connection);
    if (why) connection.close(why);
    return why === undefined;
  }

  ready(connection: Connection): void {
    connection.sendMap(this.#parts.have);
  }

  mapped(connection: Connection): void {
    this.#picker.joined(connection.theirs);
    this.#recount(connection);
    this.#closeIfUseless(connection);
  }

  has(connection: Connection, piece: number): void {
    this.#picker.gained(piece);
    if (this.#parts.have.has(piece)) {
      this.#closeIfUseless(connection);
      return;
    }
    if (!this.#role.mayRequest(connection, piece)) return;
    connection.wanted++;
    connection.showInterest(true);
    if (connection.outstanding.size === 0) this.#scheduler.refill(connection, this.#parts.clock.now());
  }

  interestChanged(): void {
    const unchoked = [...this.connections].filter((one) => !one.isChoking && one.isInterested).length;
    const waiting = [...this.connections].filter((one) => this.#maybeServed(one) && one.isChoking);
    for (const connection of this.#choker.fill(waiting, unchoked)) connection.unchoke();
  }

  unchoked(connection: Connection): void {
    this.#scheduler.refill(connection, this.#parts.clock.now());
  }

  released(connection: Connection, keys: readonly number[]): void {
    for (const key of keys) this.#book.released(Math.floor(key / 1024), key % 1024, connection);
    this.#refillAllIn(0);
  }

  block(connection: Connection, piece: number, begin: number, bytes: Uint8Array): void {
    this.#parts.ledger.received(connection.asn, bytes.length, piece);
    this.inRate.add(bytes.length, this.#parts.clock.now());
    const active = this.#book.get(piece);
    if (active) this.#received(active, begin, bytes, connection);
    this.#scheduler.refill(connection, this.#parts.clock.now());
  }

  mayServe(connection: Connection, piece: number): boolean {
    return this.#parts.have.has(piece) && this.#role.reveals(connection, piece);
  }

  requested(connection: Connection): void {
    this.#parts.pump.ready(connection, this.#source);
  }

  closed(connection: Connection, reason: string): void {
    this.connections.delete(connection);
    this.#parts.pump.remove(connection);
    this.#picker.left(connection.theirs);
    this.#parts.closed(connection, reason);
    if (!this.#stopped) this.interestChanged();
    else if (this.connections.size === 0) this.#giveUpPieces();
  }

  #received(active: ActivePiece, begin: number, bytes: Uint8Array, connection: Connection): void {
    const block = begin / LIMITS.peer.blockBytes;
    if (!Number.isInteger(block) || !active.mayAsk(connection)) return;
    const others = this.#book.received(active, block, bytes, connection);
    for (const other of others ?? []) (other as Connection).cancel(active.piece, begin, bytes.length);
    if (others && active.isComplete) void this.#finish(active);
  }

  /** Never a byte that is not verified goes to the disk, and none is read back to be verified. */
  async #finish(active: ActivePiece): Promise<void> {
    const { piece, buffer } = active;
    const sources = active.sources as readonly Connection[];
    if (!this.#parts.content.isValid(piece, buffer)) {
      const liar = this.#badData.failed(piece, buffer, sources);
      this.#book.end(piece);
      this.#picker.open(piece);
      if (liar) this.#parts.ban(liar);
      return;
    }
    for (const liar of this.#badData.verified(piece, buffer)) this.#parts.ban(liar);
    try {
      await this.#parts.content.store(piece, buffer);
    } catch (error) {
      this.#parts.failed(error as CtError);
      return;
    } finally {
      this.#book.end(piece);
    }
    this.#parts.ledger.pieceVerified(mainOrigin(sources));
    this.#hold(piece);
  }

  async #load(piece: number): Promise<void> {
    try {
      await this.#parts.content.load(piece);
    } catch (error) {
      this.#parts.failed(error as CtError);
      throw error;
    }
  }

  #hold(piece: number): void {
    const { have } = this.#parts;
    have.add(piece);
    this.#haves.add(piece);
    for (const connection of this.connections) {
      if (!connection.theirs.has(piece)) continue;
      connection.wanted = Math.max(0, connection.wanted - 1);
      if (connection.wanted === 0) connection.showInterest(false);
    }
    if (!have.isFull) return;
    this.#haves.flush();
    this.#parts.completed();
    for (const connection of this.connections) this.#closeIfUseless(connection);
  }

  #announce(pieces: readonly number[]): void {
    for (const connection of this.connections) {
      if (!connection.isHandshaken || !connection.isOpen) continue;
      for (const piece of pieces) {
        if (!connection.theirs.has(piece) && this.#role.reveals(connection, piece))
          connection.sendHave(piece);
      }
    }
  }

  #recount(connection: Connection): void {
    let wanted = 0;
    for (const piece of connection.theirs) {
      if (!this.#parts.have.has(piece) && this.#role.mayRequest(connection, piece)) wanted++;
    }
    connection.wanted = wanted;
    connection.showInterest(wanted > 0);
  }

  /** Two complete peers have nothing to say to each other. */
  #closeIfUseless(connection: Connection): void {
    if (this.#parts.have.isFull && connection.theirs.isFull) connection.close("both complete");
  }

  #sweepConnection(connection: Connection, now: number): void {
    if (!connection.isHandshaken) {
      if (now - connection.openedAt > LIMITS.peer.handshakeTimeoutMs) connection.abort("no handshake");
      return;
    }
    if (connection.idleMs(now) > LIMITS.peer.idleTimeoutMs) {
      connection.abort("silent");
      return;
    }
    connection.keepAlive(now);
    if (connection.waitingMs(now) > LIMITS.peer.requestTimeoutMs) this.#snub(connection);
  }

  /** It lets requests lie: others get them. */
  #snub(connection: Connection): void {
    connection.snubbed = true;
    const keys = [...connection.outstanding.keys()];
    for (const key of keys) {
      const piece = Math.floor(key / 1024);
      const begin = (key % 1024) * LIMITS.peer.blockBytes;
      connection.cancel(piece, begin, blockLength(this.#parts.shape, piece, begin));
    }
    this.released(connection, keys);
  }

  /** Nothing comes any more: the buffers are wanted by other torrents of the process. */
  #giveUpPieces(): void {
    for (const active of [...this.#book.active()]) if (!active.isComplete) this.#book.end(active.piece);
  }

  /** A piece that is kept to one peer is given up when that peer cannot go on. */
  #freeSuspects(): void {
    for (const active of [...this.#book.active()]) {
      const only = active.only as Connection | undefined;
      if (!only || active.isComplete || !active.isIdle) continue;
      if (only.isOpen && !only.isChoked && !only.snubbed) continue;
      this.#book.end(active.piece);
      this.#picker.open(active.piece);
    }
  }

  #rechoke(now: number): void {
    this.#rechokedAt = now;
    const contenders = [...this.connections].filter((one) => this.#maybeServed(one));
    const chosen = this.#choker.choose(contenders, this.#parts.have.isFull, now);
    for (const connection of this.connections) {
      if (!connection.isHandshaken || !connection.isOpen) continue;
      if (!chosen.has(connection)) connection.choke();
      else if (connection.isChoking) connection.unchoke();
    }
  }

  #maybeServed(connection: Connection): boolean {
    return connection.isHandshaken && connection.isOpen && this.#role.mayUpload(connection);
  }

  #refillAll(): void {
    if (this.#stopped || this.#parts.have.isFull) return;
    const now = this.#parts.clock.now();
    for (const connection of this.connections) this.#scheduler.refill(connection, now);
  }

  /** Once for all that happens in a tick. */
  #refillAllIn(delayMs: number): void {
    if (this.#refilling) return;
    this.#refilling = true;
    const run = (): void => {
      this.#refilling = false;
      this.#refillAll();
    };
    if (delayMs <= 0) setImmediate(run);
    else this.#parts.clock.after(delayMs, run);
  }
}

/** What people see as the rate: long enough not to flicker. */
const DISPLAY_WINDOW_MS = 3000;

/** The AS that most blocks of a piece came from. */
function mainOrigin(sources: readonly Connection[]): Asn {
  const blocks = new Map<Asn, number>();
  for (const { asn } of sources) blocks.set(asn, (blocks.get(asn) ?? 0) + 1);
  return [...blocks].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
