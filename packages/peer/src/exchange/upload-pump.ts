import type { Clock, Timer } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { noSharedLinks, type SharedLinks } from "../rates/shared-links.ts";
import { Soonest } from "../rates/soonest.ts";
import type { Throttle } from "../rates/throttle.ts";
import { type BlockRequest, sectionKey } from "../wire/block-request.ts";
import type { Connection } from "../wire/connection.ts";
import { Takers } from "./takers.ts";

/** Where the blocks of one torrent come from, and where their sending is written down. */
export interface BlockSource {
  /** Is the block in memory, or can it be read without waiting, `fromDisk` or not? If not, `load` brings it, and what is around it. */
  isAtHand(request: BlockRequest, fromDisk: boolean): boolean;
  /** A block that is at hand, to be sent now. Undefined where that has changed. */
  atOnce(request: BlockRequest, fromDisk: boolean): Uint8Array | undefined;
  /** A block of `atOnce` is on its way out until what is returned is called. */
  lend(block: Uint8Array): () => void;
  load(request: BlockRequest): Promise<unknown>;
  /** The most that is loaded for a block of the piece. */
  sectionBytes(piece: number): number;
  /** The limits that hold for what is sent over the connection. */
  throttle(connection: Connection): Throttle;
  sent(connection: Connection, request: BlockRequest): void;
}

/**
 * Sends queued blocks, one connection after the other, as sockets and the upload limits allow. Rates are enforced
 * here, at the sender and per block; sockets are never paused, since their kernel buffers would swallow a small torrent.
 */
export class UploadPump {
  readonly #clock: Clock;
  readonly #links: SharedLinks;
  /** Connections with something to send, in turn. */
  readonly #ring = new Map<Connection, BlockSource>();
  readonly #loading = new Set<Connection>();
  /** Connections whose next block waits for its booked place on a shared link; "through" once that has come. */
  readonly #booked = new Map<Connection, Timer | "through">();
  /** Connections that wait for blocks. */
  readonly #waiting = new Set<Connection>();
  /** The section whose blocks each connection got last. */
  readonly #serving = new WeakMap<Connection, number>();
  /** Bytes that each has got beyond a block a turn: it lets so many go by to the others. */
  readonly #ahead = new WeakMap<Connection, number>();
  readonly #takers = new Takers<Connection>();
  readonly #next: Soonest;

  constructor(clock: Clock, links: SharedLinks = noSharedLinks) {
    this.#clock = clock;
    this.#links = links;
    this.#next = new Soonest(clock, () => this.#pump());
  }

  /** Bytes of the longest request that peers are to send: shared links are passed request by request, and would be had by who sends the longest. */
  get longestRequest(): number {
    return this.#links === noSharedLinks ? LIMITS.peer.requestBytesMost : LIMITS.peer.blockBytes;
  }

  /** The connection has queued requests, or room in its socket again. */
  ready(connection: Connection, source: BlockSource): void {
    this.#waiting.add(connection);
    if (this.#loading.has(connection) || this.#isWaiting(connection)) return;
    this.#ring.set(connection, source);
    this.#schedule(source.throttle(connection).waitMs(this.#clock.now()));
  }

  /** Limits have changed: whoever waits for tokens may have some. */
  limitsChanged(): void {
    this.#schedule(0);
  }

  /** Idempotent. */
  remove(connection: Connection): void {
    this.#ring.delete(connection);
    this.#loading.delete(connection);
    this.#takers.left(connection);
    this.#forget(connection);
    const booking = this.#booked.get(connection);
    if (booking !== undefined && booking !== "through") booking.cancel();
    this.#booked.delete(connection);
  }

  #schedule(delayMs: number): void {
    this.#next.in(delayMs <= 0 ? 0 : Math.max(delayMs, PACE_MS));
  }

  #pump(): void {
    const now = this.#clock.now();
    let budget = BYTES_PER_TURN;
    const isCrowded = this.#takers.count(now) >= CROWD;
    /** Until one of those may go on for which a limit has no tokens; others need not wait for them. */
    let heldMs = Number.POSITIVE_INFINITY;
    // Whoever is put back at the end of the ring comes by again.
    for (const [connection, source] of this.#ring) {
      const request = connection.upload.canSend(now) ? connection.upload.queue.first : undefined;
      if (!request) {
        // Back on `drain` or with the next request.
        this.#ring.delete(connection);
        if (connection.upload.queue.isEmpty) this.#forget(connection);
        continue;
      }
      if (!source.isAtHand(request, isCrowded)) {
        this.#load(connection, source, request);
        continue;
      }
      const throttle = source.throttle(connection);
      const waitMs = throttle.waitMs(now);
      if (waitMs > 0) {
        heldMs = Math.min(heldMs, waitMs);
        continue;
      }
      // Not before it might be served: else it would let nobody by.
      if (this.#letsOthersGoBy(connection)) {
        this.#toTheEnd(connection, source);
        continue;
      }
      if (!this.#isThroughLinks(connection, source, request, now)) continue;
      // Not sooner: it may be read for this, and nobody keeps it.
      const block = source.atOnce(request, isCrowded);
      if (!block) {
        this.#load(connection, source, request);
        continue;
      }
      throttle.take(request.length, now);
      this.#takers.served(connection, now);
      connection.upload.queue.takeFirst();
      this.#readAhead(connection, source, request, isCrowded);
      if (connection.upload.serve(request, block, source.lend(block))) source.sent(connection, request);
      budget -= request.length;
      if (request.length > LIMITS.peer.blockBytes) {
        this.#ahead.set(connection, request.length - LIMITS.peer.blockBytes);
      }
      this.#toTheEnd(connection, source);
      if (budget <= 0) {
        this.#schedule(0);
        return;
      }
    }
    if (heldMs < Number.POSITIVE_INFINITY) this.#schedule(heldMs);
  }

  /** It waits for nothing more. */
  #forget(connection: Connection): void {
    this.#waiting.delete(connection);
    this.#ahead.delete(connection);
  }

  #toTheEnd(connection: Connection, source: BlockSource): void {
    this.#ring.delete(connection);
    this.#ring.set(connection, source);
  }

  /** Where others wait, too, all get as many bytes, whatever the length of their requests. */
  #letsOthersGoBy(connection: Connection): boolean {
    if (!this.#ahead.has(connection)) return false;
    // What all are ahead of a block nobody is.
    let least = Number.POSITIVE_INFINITY;
    for (const one of this.#ring.keys()) least = Math.min(least, this.#ahead.get(one) ?? 0);
    if (least > 0) for (const one of this.#ring.keys()) this.#lag(one, least);
    return this.#lag(connection, LIMITS.peer.blockBytes);
  }

  /** Takes so many bytes from what it is ahead. False if it is not ahead. */
  #lag(connection: Connection, bytes: number): boolean {
    const ahead = this.#ahead.get(connection);
    if (ahead === undefined) return false;
    if (ahead > bytes) this.#ahead.set(connection, ahead - bytes);
    else this.#ahead.delete(connection);
    return true;
  }

  #isWaiting(connection: Connection): boolean {
    const booking = this.#booked.get(connection);
    return booking !== undefined && booking !== "through";
  }

  /** A block that has to wait for a shared link holds up nobody else: its connection leaves the ring until then. */
  #isThroughLinks(connection: Connection, source: BlockSource, request: BlockRequest, now: number): boolean {
    if (this.#booked.delete(connection)) return true;
    const waitMs = this.#links.book(connection.remote.address, request.length, now);
    if (waitMs <= 0) return true;
    this.#ring.delete(connection);
    const timer = this.#clock.after(waitMs, () => {
      this.#booked.set(connection, "through");
      this.ready(connection, source);
    });
    this.#booked.set(connection, timer);
    return false;
  }

  /** Reads the sections that will be sent next while this one is sent: the disk and the socket work at once. */
  #readAhead(connection: Connection, source: BlockSource, request: BlockRequest, isCrowded: boolean): void {
    const section = sectionKey(request);
    if (this.#serving.get(connection) === section) return;
    this.#serving.set(connection, section);
    let bytes = 0;
    const most = Math.min(READ_AHEAD_BYTES, READ_AHEAD_IN_ALL_BYTES / this.#waiting.size);
    for (const next of connection.upload.queue.ahead(section)) {
      bytes += source.sectionBytes(next.piece);
      if (bytes > most) return;
      if (!source.isAtHand(next, isCrowded)) source.load(next).catch(() => undefined); // told when it is that block's turn
    }
  }

  #load(connection: Connection, source: BlockSource, request: BlockRequest): void {
    this.#ring.delete(connection);
    this.#loading.add(connection);
    source.load(request).then(
      () => {
        if (this.#loading.delete(connection)) this.ready(connection, source);
      },
      () => {
        // The storage has reported it; the request is refused so that the other side asks elsewhere.
        this.#loading.delete(connection);
        connection.upload.refuse(request);
        if (!connection.upload.queue.isEmpty) this.ready(connection, source);
      },
    );
  }
}

/** So much is read for a connection before its turn: short sections come from a disk as fast as long ones if it is asked for several at a time. */
const READ_AHEAD_BYTES = 1024 * 1024;
/**
 * The same for all connections together, in equal parts; who was there before others came has more for a while. Much more would push out of the
 * cache what was not sent yet, and be read twice.
 */
const READ_AHEAD_IN_ALL_BYTES = 3 * 1024 * 1024;
/**
 * For fewer a thread reads ahead while others are served, which are served the faster for it. With so many the processor is what is short, and the event
 * loop itself reads what is sent next, as long as the kernel has it in memory: to hand a read over costs more than the read.
 */
const CROWD = 3;
/** Timers fire at best this often; a limit is kept by bursts of this length. */
const PACE_MS = 5;
/** After this many bytes other events get their turn. */
const BYTES_PER_TURN = 4 * 1024 * 1024;
