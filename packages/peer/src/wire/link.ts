import type { Clock, Timer } from "@cachetorrent/clock";
import { type Endpoint, formatEndpoint } from "@cachetorrent/protocol";
import type Wire from "bittorrent-protocol";
import type { Logger } from "pino";
import { FencedWire } from "./fenced-wire.ts";
import { FrameGuard, type TorrentShape } from "./frame-guard.ts";
import { JOINED_MOST, joinShort } from "./join-short.ts";
import type { Landing } from "./landing.ts";
import { PeerSocket } from "./peer-socket.ts";
import { type OnMessage, SentMessages } from "./sent-messages.ts";
import type { Transport } from "./transport.ts";

export interface LinkOptions {
  readonly socket: Transport;
  readonly direction: "in" | "out";
  readonly shape: TorrentShape;
  readonly clock: Clock;
  readonly log: Logger;
  readonly remote: Endpoint;
  /** Our extended handshake (BEP 10), less `m`. */
  readonly extendedHandshake: { readonly [key: string]: unknown };
  /** A message came, whatever the wire makes of it. */
  readonly onReceived: OnMessage;
  /** A place for the bytes of a block as they come; see `LandingPlace`. */
  land?(piece: number, begin: number, length: number): Landing | undefined;
  /** A message was sent, by us or by the wire itself. */
  readonly onSent?: OnMessage;
  /** The socket has room again. */
  onDrain(): void;
  /** Nothing more can be sent: either side has ended its half. */
  onEnding(): void;
  onClosed(reason: string): void;
}

/**
 * What may wait for the socket besides blocks and the map of pieces: somebody who asks for what we reject, without end,
 * and never reads the rejects would fill our memory.
 */
const CONTROL_UNSENT_MOST = 256 * 1024;

/** How long a link of which one half has ended may take to bring over what is under way. */
const CLOSE_GRACE_MS = 2000;

/**
 * A socket, the guard in front of the wire, and the wire: bytes in and out, and the ends of it. Whatever is thrown while
 * it is at work is a fault of ours: it costs this connection and not the process.
 */
export class Link {
  readonly #wire: FencedWire;
  readonly #options: LinkOptions;
  readonly #sent: SentMessages | undefined;
  readonly #guard: FrameGuard;
  #isEnding = false;
  #isClosed = false;
  #reason = "closed by the other side";
  /** What the current task has sent so far. */
  #outbox: Uint8Array[] = [];
  #outboxBytes = 0;
  /** For the blocks among them. */
  #onLeft: (() => void)[] = [];
  /** What waited for the socket when the last block was added; blocks are added only as long as that is little. */
  #unsentWithBlocks = 0;
  #graceTimer: Timer | undefined;
  #lastReceivedAt: number;
  #partOfBlockAt = Number.NEGATIVE_INFINITY;
  #lastSentAt: number;

  constructor(options: LinkOptions) {
    this.#options = options;
    if (options.onSent) this.#sent = new SentMessages(options.onSent);
    this.#lastReceivedAt = options.clock.now();
    this.#lastSentAt = this.#lastReceivedAt;
    const type = options.direction === "in" ? "tcpIncoming" : "tcpOutgoing";
    this.#wire = new FencedWire(type, {
      sent: (bytes) => this.#send(bytes),
      failed: (error) => this.#failed(error),
    });
    this.#guard = this.#makeGuard();
    this.wire.extendedHandshake = { ...options.extendedHandshake };
    this.wire.on("error", (error) => this.abort(`wire: ${error.message}`));
    // The wire ends itself, and nothing else, at a message of the fast extension where that was not agreed on (BEP 6).
    this.wire.on("finish", () => this.abort("protocol error: a message of an extension that is not in use"));
    this.#listen();
  }

  get wire(): Wire {
    return this.#wire;
  }

  /** Whether anything can still be sent. */
  get isOpen(): boolean {
    return !this.#isEnding;
  }

  /** Bytes that wait in this process for the socket. */
  get unsentBytes(): number {
    return this.#options.socket.writableLength + this.#outboxBytes;
  }

  /** `onLeft`: the block's bytes have left this process; not called where that is not known, because the connection broke. */
  sendBlock(piece: number, begin: number, block: Uint8Array, onLeft: () => void): void {
    this.wire.piece(piece, begin, block);
    this.#onLeft.push(onLeft);
    this.#unsentWithBlocks = this.unsentBytes;
  }

  /** How long ago some bytes of a block came that is not whole yet. */
  partOfBlockAgoMs(now: number): number {
    return now - this.#partOfBlockAt;
  }

  /** As `sendBlock`, a message of an extension (BEP 10) that the other side speaks. */
  sendExtended(name: string, body: Uint8Array): void {
    this.wire.extended(name, body);
    this.#unsentWithBlocks = this.unsentBytes;
  }

  idleMs(now: number): number {
    return now - this.#lastReceivedAt;
  }

  /** The wire's own keep-alive is a timer a connection: the torrent's sweep calls this instead. */
  keepAlive(now: number, afterMs: number): void {
    if (this.isOpen && now - this.#lastSentAt >= afterMs) this.wire.keepAlive();
  }

  /**
   * Ends our half: what was written is still sent, and what the other side had under way is still received, until it
   * ends its half too.
   */
  end(reason: string): void {
    if (this.#isEnding) return;
    this.#reason = reason;
    // What else the current task sends is to leave before the end.
    setImmediate(() => {
      this.#flush();
      this.#options.socket.end();
    });
    this.#ending();
  }

  /** Ends at once: the other side broke the protocol, or our time is up. */
  abort(reason: string): void {
    if (this.#isClosed) return;
    if (!this.#isEnding) this.#reason = reason;
    this.#options.socket.destroy();
    this.#ending();
  }

  #makeGuard(): FrameGuard {
    const { onReceived, shape } = this.#options;
    return new FrameGuard(shape, (frames) => this.#wire.feed(frames), onReceived, {
      land: (piece, begin, length) => this.#options.land?.(piece, begin, length),
      landed: (piece, begin, bytes) => this.#wire.feedBlock(piece, begin, bytes),
    });
  }

  #listen(): void {
    const { clock, socket } = this.#options;
    const guard = this.#guard;
    const take = (bytes: Uint8Array): void => {
      this.#lastReceivedAt = clock.now();
      this.#fenced(() => {
        const wrong = guard.push(bytes);
        if (wrong) this.abort(`protocol error: ${wrong}`);
        else if (guard.isWithinBlock) this.#partOfBlockAt = clock.now();
      });
    };
    if (socket instanceof PeerSocket) socket.feed(take);
    socket.setNoDelay(true);
    socket.on("data", take);
    socket.on("drain", () => this.#fenced(() => this.#options.onDrain()));
    // The other side has ended its half: what we sent still goes out, but nothing is added. A socket ends itself then, so before it does.
    socket.prependListener("end", () => this.#flush());
    socket.on("end", () => this.#ending());
    socket.on("error", (error) => {
      if (!this.#isEnding) this.#reason = error.message;
    });
    socket.on("close", () => this.#closed());
    // The listener paused it when it had read whom it is for.
    socket.resume();
  }

  #send(bytes: Uint8Array): void {
    const { clock, socket } = this.#options;
    if (socket.destroyed || socket.writableEnded) return;
    this.#lastSentAt = clock.now();
    const { length } = this.#outbox;
    this.#outbox.push(bytes);
    this.#outboxBytes += bytes.length;
    if (length === 0) setImmediate(() => this.#flush());
    this.#fenced(() => this.#sent?.push(bytes));
  }

  /** All of a task leaves in one system call: small writes, not the codec, are what slows a peer down. */
  #flush(): void {
    const { shape, socket } = this.#options;
    const chunks = this.#outbox;
    const bytes = this.#outboxBytes;
    const onLeft = this.#onLeft;
    this.#outbox = [];
    this.#onLeft = [];
    this.#outboxBytes = 0;
    if (chunks.length === 0 || socket.destroyed || socket.writableEnded) return;
    const joined = joinShort(chunks);
    const last = joined.pop();
    if (bytes <= JOINED_MOST) {
      // A copy, and the only one.
      socket.write(last);
      for (const left of onLeft) left();
    } else {
      socket.cork();
      for (const chunk of joined) socket.write(chunk);
      // After a failure it is not known who still reads them.
      socket.write(last, (error) => {
        if (!error) for (const left of onLeft) left();
      });
      socket.uncork();
    }
    const map = shape.pieceCount / 8;
    if (this.unsentBytes > this.#unsentWithBlocks + map + CONTROL_UNSENT_MOST) {
      this.abort("protocol error: asks, and does not read the answers");
    }
  }

  #ending(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    // Whoever ended first: a side that does not end its half, or never reads what waits for it, would hold us for ever.
    this.#graceTimer = this.#options.clock.after(CLOSE_GRACE_MS, () => this.#options.socket.destroy());
    this.#fenced(() => this.#options.onEnding());
  }

  #closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#graceTimer?.cancel();
    this.#guard.end();
    this.#ending();
    // It tells as if it were choked once more.
    this.#fenced(() => this.wire.destroy());
    this.#fenced(() => this.#options.onClosed(this.#reason));
  }

  #fenced(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { log, remote } = this.#options;
    const event = "internal error";
    log.error({ err: error, endpoint: formatEndpoint(remote), event }, "internal error: please report it");
    this.#reason = event;
    this.abort(event);
  }
}
