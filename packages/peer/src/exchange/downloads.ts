import type { Clock, Random } from "@cachetorrent/clock";
import { type Asn, type CtError, LIMITS, type PieceSet } from "@cachetorrent/protocol";
import { Soonest } from "../rates/soonest.ts";
import type { Throttle } from "../rates/throttle.ts";
import type { Wanted } from "../selection/wanted.ts";
import { type BlockSpan, spanLength, spanOfKey } from "../wire/block-request.ts";
import type { Connection } from "../wire/connection.ts";
import type { TorrentShape } from "../wire/frame-guard.ts";
import type { Landing } from "../wire/landing.ts";
import { BadDataFinder } from "./bad-data.ts";
import { type ActivePiece, BlockBook } from "./block-book.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import { CacheDownload } from "./cache-download.ts";
import { CachePicker } from "./cache-picker.ts";
import { RequestScheduler } from "./request-scheduler.ts";

export interface DownloadsParts {
  readonly shape: TorrentShape;
  /** The pieces still to be fetched. */
  readonly wanted: Wanted;
  /** The first pieces first, instead of the rarest. */
  readonly isSequential?: boolean;
  readonly clock: Clock;
  readonly random: Random;
  readonly budget: BufferBudget;
  readonly connections: ReadonlySet<Connection>;
  /** The download limits for the connection. */
  throttle(connection: Connection): Throttle;
  mayRequest(connection: Connection, piece: number): boolean;
  /** Under grants what may be asked of the connection now, in this order; undefined where `mayRequest` decides alone. */
  granted(connection: Connection): readonly number[] | undefined;
  /** It lets requests lie. */
  snubbed(connection: Connection): void;
  isValid(piece: number, bytes: Uint8Array): boolean;
  /** True where it is done, or a promise of that. */
  store(piece: number, bytes: Uint8Array): true | Promise<void>;
  /** Whether the bytes of a stored piece stay in memory, for those who will ask for them. */
  keep(piece: number, bytes: Uint8Array): boolean;
  /** A piece stands verified on the disk; most of it came from `origin`. */
  stored(piece: number, origin: Asn): void;
  /** A piece of which these sent parts is not what it should be. */
  spoiled(connections: ReadonlySet<Connection>, piece: number): void;
  /** It sent bad data. */
  ban(connection: Connection): void;
  failed(error: CtError): void;
}

/** Pieces on their way in: picked, asked for in blocks, put together, verified, stored. */
export class Downloads {
  readonly #parts: DownloadsParts;
  readonly #picker: CachePicker;
  readonly #book: BlockBook;
  readonly #scheduler: RequestScheduler<Connection>;
  /** What leaders forward to us. */
  readonly forwarded: CacheDownload;
  readonly #badData = new BadDataFinder<Connection>();
  readonly #refilling: Soonest;
  #isStopped = false;
  #isPaused = false;

  constructor(parts: DownloadsParts) {
    this.#parts = parts;
    this.#refilling = new Soonest(parts.clock, () => this.#refillAll());
    this.#picker = new CachePicker(parts.shape.pieceCount, parts.random, parts.isSequential);
    this.#rank();
    for (const piece of parts.wanted.settled) this.#picker.close(piece);
    this.forwarded = new CacheDownload(parts.wanted.settled, this.#picker);
    this.#book = new BlockBook(parts.shape, parts.budget, () => this.refillAllIn(0));
    this.#scheduler = new RequestScheduler({
      picker: this.#picker,
      book: this.#book,
      throttle: (connection) => parts.throttle(connection),
      mayRequest: (connection, piece) => parts.mayRequest(connection, piece),
      granted: (connection) => parts.granted(connection),
      suspects: () => this.#badData.suspects(),
      heldBack: (waitMs) => this.refillAllIn(waitMs),
    });
  }

  /** Whether what the other side holds makes a piece less rare. */
  count(connection: Connection, counts: boolean): void {
    if (connection.isCounted === counts) return;
    connection.isCounted = counts;
    if (counts) this.#picker.joined(connection.theirs);
    else this.#picker.left(connection.theirs);
  }

  /** The other side told its map of pieces. */
  joined(connection: Connection): void {
    if (connection.isCounted) this.#picker.joined(connection.theirs);
  }

  left(connection: Connection): void {
    if (connection.isCounted) this.#picker.left(connection.theirs);
  }

  /** The other side got one more piece. */
  gained(connection: Connection, piece: number): void {
    if (connection.isCounted) this.#picker.gained(piece);
  }

  /** Does it, for the time being, ask for nothing? */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Nothing is asked for until it is told otherwise, and what was is taken back: the buffers are wanted by other
   * torrents of the process.
   */
  pause(isPaused: boolean): void {
    if (this.#isPaused === isPaused) return;
    this.#isPaused = isPaused;
    if (!isPaused) {
      this.refillAllIn(0);
      return;
    }
    for (const connection of this.#parts.connections) {
      this.#takeBack(connection, connection.outstanding.keys());
    }
    for (const active of [...this.#book.active()]) if (!active.isComplete) this.#letGo(active.piece);
  }

  /** How many of those that count hold the piece. */
  availability(piece: number): number {
    return this.#picker.availability(piece);
  }

  /** The pieces that we miss and that none of those holds that count. */
  unheld(): number[] {
    const begun = [...this.#book.active()].filter(
      ({ isComplete, isIdle, piece }) => isIdle && !isComplete && this.availability(piece) === 0,
    );
    return [...this.#picker.unheld(), ...begun.map(({ piece }) => piece)];
  }

  /** The pieces that we miss and that at least one and at most `most` of those hold that count. */
  scarce(most: number): number[] {
    const begun = [...this.#book.active()].filter(({ isComplete, isIdle, piece }) => {
      const holders = this.availability(piece);
      return isIdle && !isComplete && holders > 0 && holders <= most;
    });
    return [...this.#picker.scarce(most), ...begun.map(({ piece }) => piece)];
  }

  /** Other pieces are wanted than before: what is not any more is taken back, and what came of it forgotten. */
  selectionChanged(): void {
    const { settled } = this.#parts.wanted;
    this.#rank();
    for (const { isComplete, piece } of [...this.#book.active()]) {
      if (!settled.has(piece) || isComplete) continue;
      for (const connection of this.#parts.connections) this.withdrawPiece(connection, piece);
      this.#book.end(piece);
    }
    for (let piece = 0; piece < settled.pieceCount; piece++) {
      if (settled.has(piece)) this.#picker.close(piece);
      else if (!this.#book.get(piece)) this.#picker.open(piece);
    }
    this.refillAllIn(0);
  }

  /** Has a block of the piece come? */
  hasBytesOf(piece: number): boolean {
    return (this.#book.get(piece)?.receivedCount ?? 0) > 0;
  }

  /** Takes back what was asked of the connection of one piece. */
  withdrawPiece(connection: Connection, piece: number): void {
    this.#takeBack(
      connection,
      connection.outstanding.keys().filter((key) => spanOfKey(key).piece === piece),
    );
  }

  /** One more follower asks for the piece. */
  gotRequest(piece: number): void {
    this.#picker.gotRequest(piece);
  }

  /** One follower less does. */
  requestEnded(piece: number): void {
    this.#picker.requestEnded(piece);
  }

  /** A piece of `pieces` to ask a leader for: one that lies begun and that nobody goes on with, else the rarest. */
  pickIndirectly(pieces: PieceSet, accepts: (piece: number) => boolean): number | undefined {
    if (this.#isPaused) return undefined;
    for (const { isIdle, piece } of this.#book.withFree()) {
      if (isIdle && pieces.has(piece) && accepts(piece)) return piece;
    }
    return this.#picker.pick(pieces, accepts);
  }

  /** Takes back what was asked of the connection and may not be asked of it any more. */
  withdraw(connection: Connection): void {
    this.#takeBack(
      connection,
      connection.outstanding.keys().filter((key) => {
        return !this.#parts.mayRequest(connection, spanOfKey(key).piece);
      }),
    );
  }

  /** Nothing is heard of it: others are asked for what it was asked for. */
  fellSilent(connection: Connection): void {
    this.#takeBack(connection, connection.outstanding.keys());
  }

  /** Asks the connection for as much as is due. */
  refill(connection: Connection): void {
    if (!this.#isStopped && !this.#isPaused) this.#scheduler.refill(connection, this.#parts.clock.now());
  }

  /** Once for all that happens in a tick. */
  refillAllIn(delayMs: number): void {
    this.#refilling.in(delayMs);
  }

  /** The connection will not send these blocks. */
  released(connection: Connection, keys: readonly number[]): void {
    for (const key of keys) this.#book.released(spanOfKey(key), connection);
    this.refillAllIn(0);
  }

  /** A place for blocks that come in parts; undefined where there is none. */
  land(piece: number, begin: number, length: number): Landing | undefined {
    return this.#book.get(piece)?.land(begin / LIMITS.peer.blockBytes, length);
  }

  received(connection: Connection, piece: number, begin: number, bytes: Uint8Array): void {
    const active = this.#book.get(piece);
    const block = begin / LIMITS.peer.blockBytes;
    if (!active || !Number.isInteger(block) || !active.mayAsk(connection)) return;
    const others = this.#book.received(active, block, bytes, connection);
    for (const other of others ?? []) this.#cancelAnswered(other as Connection, active);
    if (others && active.isComplete) this.#finish(active);
  }

  sweep(now: number): void {
    for (const connection of this.#parts.connections) {
      if (connection.outstanding.waitingMs(now) > LIMITS.peer.requestTimeoutMs) this.#snub(connection);
    }
    this.#freeSuspects();
    this.#book.lookAgain();
    this.#refillAll();
  }

  /** Asks for nothing more. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Nothing comes any more: the buffers are wanted by other torrents of the process. */
  giveUp(): void {
    for (const active of [...this.#book.active()]) if (!active.isComplete) this.#book.end(active.piece);
  }

  /** Never a byte that is not verified goes to the disk, and none is read back to be verified. */
  #finish(active: ActivePiece): void {
    const { piece, buffer } = active;
    const sources = active.sources as readonly Connection[];
    if (!this.#parts.isValid(piece, buffer)) {
      const liar = this.#badData.failed(piece, buffer, sources);
      this.#letGo(piece);
      this.#parts.spoiled(new Set(sources), piece);
      if (liar) this.#parts.ban(liar);
      return;
    }
    for (const liar of this.#badData.verified(piece, buffer)) this.#parts.ban(liar);
    const stored = this.#parts.store(piece, buffer);
    if (stored === true) this.#stored(active);
    else
      stored.then(
        () => this.#stored(active),
        (error: CtError) => {
          this.#book.end(piece);
          this.#parts.failed(error);
        },
      );
  }

  #stored({ buffer, piece, sources }: ActivePiece): void {
    this.#book.end(piece, !this.#parts.keep(piece, buffer));
    this.#parts.stored(piece, mainOrigin(sources as readonly Connection[]));
  }

  /** It lets requests lie: others get them. Asked at once it might let one of them lie for as long again. */
  #snub(connection: Connection): void {
    connection.snubbed = true;
    const { clock, connections } = this.#parts;
    const isAlone = ![...connections].some(isGiving);
    if (!isAlone) connection.restsUntil = clock.now() + LIMITS.peer.requestTimeoutMs;
    this.#takeBack(connection, connection.outstanding.keys());
    this.#parts.snubbed(connection);
  }

  /** What it was asked for of the piece and others gave. */
  #cancelAnswered(connection: Connection, active: ActivePiece): void {
    for (const key of connection.outstanding.keys()) {
      const span = spanOfKey(key);
      if (span.piece === active.piece && active.hasAll(span)) this.#cancel(connection, span);
    }
  }

  #cancel(connection: Connection, span: BlockSpan): void {
    const begin = span.block * LIMITS.peer.blockBytes;
    connection.cancel(span.piece, begin, spanLength(this.#parts.shape, span));
  }

  #takeBack(connection: Connection, keys: readonly number[]): void {
    if (keys.length === 0) return;
    for (const key of keys) this.#cancel(connection, spanOfKey(key));
    this.released(connection, keys);
  }

  /** A piece that is kept to one peer is given up when that peer cannot go on. */
  #freeSuspects(): void {
    for (const active of this.#book.active()) {
      const only = active.only as Connection | undefined;
      if (!only || active.isComplete || !active.isIdle) continue;
      if (only.isOpen && !only.isChoked && !only.snubbed) continue;
      this.#letGo(active.piece);
    }
  }

  /** What came of the piece is forgotten; it may be begun anew, if it still is wanted. */
  #letGo(piece: number): void {
    this.#book.end(piece);
    if (!this.#parts.wanted.settled.has(piece)) this.#picker.open(piece);
  }

  #rank(): void {
    const { ranks, ranksInUse } = this.#parts.wanted.selection;
    this.#picker.rank(ranksInUse.length > 1 ? { of: ranks, inUse: ranksInUse } : undefined);
  }

  #refillAll(): void {
    const { clock, connections, wanted } = this.#parts;
    if (this.#isStopped || this.#isPaused || wanted.settled.isFull) return;
    const now = clock.now();
    for (const connection of connections) this.#scheduler.refill(connection, now);
  }
}

/** May we ask it, and does it answer? */
function isGiving({ isChoked, isOpen, snubbed, wanted }: Connection): boolean {
  return isOpen && !isChoked && !snubbed && wanted > 0;
}

/** The AS that most blocks of a piece came from. */
function mainOrigin(sources: readonly Connection[]): Asn {
  const blocks = new Map<Asn, number>();
  for (const { asn } of sources) blocks.set(asn, (blocks.get(asn) ?? 0) + 1);
  return [...blocks].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}
