import type { Clock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { extensionNamed, theirIdOf } from "./extension.ts";
import { FloodMeter } from "./flood-meter.ts";
import type { Link } from "./link.ts";
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  type MetadataAnswer,
  type MetadataMessage,
  metadataPieces,
  UT_METADATA,
} from "./metadata-message.ts";

export interface MetadataChannelParts {
  readonly link: Link;
  readonly clock: Clock;
  /** The info dictionary, where we have it: peers are served with it. */
  readonly info?: Uint8Array | undefined;
  /** An answer to what we asked for; data that nobody asked for comes too. */
  answered?(message: MetadataAnswer): void;
  /** The other side broke the protocol. */
  failed(why: string): void;
}

const { pieceBytes, timesServed } = LIMITS.metadata;

const MetadataExtension = extensionNamed(UT_METADATA);

/**
 * The `ut_metadata` extension (BEP 9) on one link: serves the info dictionary, and asks for it. Pieces of it wait here
 * until the socket has room: a request of 40 bytes is answered with 16 KiB, and all may be asked for at once. npm's
 * ut_metadata answers every one at once, takes memory as a size is claimed, and throws at data beyond its end.
 */
export class MetadataChannel {
  readonly #parts: MetadataChannelParts;
  readonly #flood: FloodMeter;
  /** Asked for by the other side, in its order. */
  readonly #waiting = new Set<number>();
  #served = 0;

  constructor(parts: MetadataChannelParts) {
    this.#parts = parts;
    this.#flood = new FloodMeter(LIMITS.metadata.messagesPerSecond, parts.clock.now());
    const { wire } = parts.link;
    wire.use(MetadataExtension);
    wire.on("extended", (name, body) => {
      if (name === UT_METADATA) this.#onMessage(body as Uint8Array);
    });
  }

  /** Of how many bytes the other side says that the info dictionary is; undefined where it has none to give. */
  get offeredBytes(): number | undefined {
    const { metadata_size: size } = this.#parts.link.wire.peerExtendedHandshake;
    return this.#isSpoken && typeof size === "number" && size > 0 ? size : undefined;
  }

  request(piece: number): void {
    this.#send({ m: "request", piece });
  }

  /** Sends what was asked for, as far as the socket has room for it. */
  serve(): void {
    if (this.#waiting.size === 0) return;
    const { info, link } = this.#parts;
    for (const piece of this.#waiting) {
      if (!info || !link.isOpen || link.unsentBytes >= LIMITS.peer.unsentBytesLeast) return;
      this.#waiting.delete(piece);
      const bytes = info.subarray(piece * pieceBytes, (piece + 1) * pieceBytes);
      this.#send({ m: "data", piece, totalSize: info.length, bytes });
    }
  }

  get #isSpoken(): boolean {
    return theirIdOf(this.#parts.link.wire, UT_METADATA) !== undefined;
  }

  #send(message: MetadataMessage): void {
    if (this.#isSpoken) this.#parts.link.sendExtended(UT_METADATA, encodeMetadataMessage(message));
  }

  #onMessage(body: Uint8Array): void {
    if (this.#flood.isExceededBy(1, this.#parts.clock.now())) {
      this.#parts.failed(`too many ${UT_METADATA} messages`);
      return;
    }
    const message = decodeMetadataMessage(body);
    if (!message.ok) this.#parts.failed(message.error.message);
    else if (message.value?.m === "request") this.#onRequest(message.value.piece);
    else if (message.value) this.#parts.answered?.(message.value);
  }

  #onRequest(piece: number): void {
    const pieces = metadataPieces(this.#parts.info?.length ?? 0);
    // Somebody who wants it all, again and again, wants our upload and not the metadata.
    if (piece >= pieces || this.#served >= timesServed * pieces || this.#waiting.has(piece)) {
      this.#send({ m: "reject", piece });
      return;
    }
    this.#served++;
    this.#waiting.add(piece);
    this.serve();
  }
}
