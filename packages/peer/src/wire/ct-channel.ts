import type { Clock } from "@cachetorrent/clock";
import {
  CT_CACHE,
  type CtCacheMessage,
  decodeCtCache,
  encodeCtCache,
  LIMITS,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type Wire from "bittorrent-protocol";
import { extensionNamed, theirIdOf } from "./extension.ts";
import { FloodMeter } from "./flood-meter.ts";

export interface CtChannelParts {
  readonly wire: Wire;
  readonly pieceCount: number;
  readonly clock: Clock;
  /** The other side's extended handshake came, its first one. */
  introduced(): void;
  received(message: CtCacheMessage | UnknownCtCacheMessage): void;
  /** The other side broke the protocol. */
  failed(why: string): void;
}

const BYTES_LIKE_A_MESSAGE = 128;

/** The id under which we receive: the first extension that the wire is told to use. */
export const OUR_CT_CACHE_ID = 1;

const CtCacheExtension = extensionNamed(CT_CACHE);

/** The `ct_cache` extension (BEP 10) on one wire: whole, checked messages in and out. */
export class CtChannel {
  readonly #parts: CtChannelParts;
  readonly #flood: FloodMeter;
  #isIntroduced = false;
  #isOpen = false;

  constructor(parts: CtChannelParts) {
    this.#parts = parts;
    this.#flood = new FloodMeter(LIMITS.cache.messagesPerSecond, parts.clock.now());
    parts.wire.use(CtCacheExtension);
    parts.wire.on("extended", (name, body) => {
      if (name === "handshake") this.#onHandshake();
      else if (name === CT_CACHE) this.#onMessage(body as Uint8Array);
    });
  }

  /** Has it told what it speaks, as far as it ever will? */
  get isIntroduced(): boolean {
    return this.#isIntroduced || this.#parts.wire.peerExtensions.extended === false;
  }

  /** Does the other side speak the extension? */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** The id under which the other side receives. */
  get theirId(): number | undefined {
    return theirIdOf(this.#parts.wire, CT_CACHE);
  }

  /** False when the other side would not understand it. */
  send(message: CtCacheMessage): boolean {
    if (this.theirId === undefined) return false;
    this.#parts.wire.extended(CT_CACHE, encodeCtCache(message));
    return true;
  }

  #onHandshake(): void {
    this.#isOpen = this.theirId !== undefined;
    if (this.#isIntroduced) return;
    this.#isIntroduced = true;
    this.#parts.introduced();
  }

  #onMessage(body: Uint8Array): void {
    // A long map of pieces costs as much to read as many short messages.
    const cost = Math.max(1, body.length / BYTES_LIKE_A_MESSAGE);
    if (this.#flood.isExceededBy(cost, this.#parts.clock.now())) {
      this.#parts.failed(`too many ${CT_CACHE} messages`);
      return;
    }
    const message = decodeCtCache(body, this.#parts.pieceCount);
    if (message.ok) this.#parts.received(message.value);
    else this.#parts.failed(message.error.message);
  }
}
