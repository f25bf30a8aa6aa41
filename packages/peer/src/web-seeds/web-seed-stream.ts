import { Duplex } from "node:stream";
import { type InfoHash, LIMITS, type PeerId } from "@cachetorrent/protocol";
import type { BlockRequest } from "../wire/block-request.ts";
import { FencedWire } from "../wire/fenced-wire.ts";

export interface WebSeedStreamParts {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  asked(block: BlockRequest): void;
  /** A request is taken back. It is answered all the same, by a reject. */
  cancelled(block: BlockRequest): void;
  ended(): void;
}

/**
 * The far end of a connection with a web seed, in this process: to the torrent it is a peer that has everything and unchokes at once. So whatever
 * holds for a peer (claims, limits, the ledger, bad data, the order of pieces) holds for a web seed without a word about it.
 */
export class WebSeedStream extends Duplex {
  readonly #wire: FencedWire;
  readonly #parts: WebSeedStreamParts;
  /** Handshakes are exchanged, and it said that it has everything. */
  #isReady = false;
  #isOver = false;

  constructor(parts: WebSeedStreamParts) {
    super({ allowHalfOpen: false });
    this.#parts = parts;
    this.#wire = new FencedWire("tcpOutgoing", {
      sent: (bytes) => void this.push(bytes),
      failed: (error) => this.destroy(error as Error),
    });
    this.#wire.extendedHandshake = { reqq: LIMITS.peer.requestsQueuedPerConnection, v: "web seed" };
    this.#wire.on("error", (error) => this.destroy(error));
    this.#wire.on("handshake", () => {
      this.#wire.haveAll();
      this.#isReady = true;
      this.unchoke();
    });
    this.#wire.on("request", (piece, begin, length) => parts.asked({ piece, begin, length }));
    this.#wire.on("cancel", (piece, begin, length) => parts.cancelled({ piece, begin, length }));
    // Our own side may end it with an error; nobody else is there to be told.
    this.on("error", () => undefined);
    this.#wire.handshake(parts.infoHash, parts.peerId, { fast: true });
  }

  send({ begin, piece }: BlockRequest, bytes: Uint8Array): void {
    if (!this.#isOver) this.#wire.piece(piece, begin, bytes);
  }

  reject({ begin, length, piece }: BlockRequest): void {
    if (!this.#isOver) this.#wire.reject(piece, begin, length);
  }

  /** Nothing is to be had now: every open request is rejected. */
  choke(): void {
    if (!this.#isOver) this.#wire.choke();
  }

  unchoke(): void {
    if (this.#isReady && !this.#isOver) this.#wire.unchoke();
  }

  keepAlive(): void {
    if (this.#isReady && !this.#isOver) this.#wire.keepAlive();
  }

  setNoDelay(): this {
    return this;
  }

  /** Pushed as it comes: what was asked for bounds it. */
  override _read(): void {
    // Nothing to ask for.
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#wire.feed(chunk);
    done();
  }

  override _final(done: () => void): void {
    this.push(null);
    this.#end();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#end();
    done(error);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#wire.destroy();
    this.#parts.ended();
  }
}
