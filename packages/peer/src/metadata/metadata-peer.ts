import type { Clock } from "@cachetorrent/clock";
import { type Endpoint, type InfoHash, LIMITS, type PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { usableEndpoints } from "../discovery/scope.ts";
import type { TorrentShape } from "../wire/frame-guard.ts";
import { Link } from "../wire/link.ts";
import { MetadataChannel } from "../wire/metadata-channel.ts";
import type { MetadataAnswer } from "../wire/metadata-message.ts";
import { CLIENT } from "../wire/our-handshake.ts";
import { PexChannel } from "../wire/pex-channel.ts";
import type { Transport } from "../wire/transport.ts";
import type { MetadataDownload } from "./metadata-download.ts";

export interface MetadataPeerParts {
  readonly socket: Transport;
  readonly direction: "in" | "out";
  readonly remote: Endpoint;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where we listen. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** It told of itself, its metadata's size too. */
  introduced(peer: MetadataPeer): void;
  answered(peer: MetadataPeer, answer: MetadataAnswer): void;
  /** It told of other peers (BEP 11). Absent: it is not to. */
  toldOfPeers?: ((endpoints: readonly Endpoint[]) => void) | undefined;
  closed(peer: MetadataPeer, reason: string): void;
}

/** Of a torrent of which nothing is known, but that its metadata is of a size that we take. */
const UNKNOWN_SHAPE: TorrentShape = {
  isUnknown: true,
  pieceCount: Math.floor(LIMITS.metadata.bytes / 20),
  pieceSize: () => LIMITS.peer.pieceLengthMost,
};

export const OURSELVES = "ourselves";

/** A connection to a peer of a torrent whose metadata we lack: all that is asked of it, and told, is that (BEP 9). */
export class MetadataPeer {
  readonly remote: Endpoint;
  readonly direction: "in" | "out";
  readonly openedAt: number;
  /** What is fetched from it now. */
  download: MetadataDownload | undefined;
  #isHandshaken = false;
  #isClosedByUs = false;
  readonly #parts: MetadataPeerParts;
  readonly #link: Link;
  readonly #channel: MetadataChannel;

  constructor(parts: MetadataPeerParts) {
    const { clock, direction, port, remote } = parts;
    this.#parts = parts;
    this.remote = remote;
    this.direction = direction;
    this.openedAt = clock.now();
    this.#link = new Link({
      ...parts,
      shape: UNKNOWN_SHAPE,
      extendedHandshake: { p: port, v: CLIENT },
      onReceived: () => undefined,
      onDrain: () => this.#channel.serve(),
      onEnding: () => undefined,
      onClosed: (reason) => parts.closed(this, reason),
    });
    this.#channel = new MetadataChannel({
      link: this.#link,
      clock,
      answered: (answer) => parts.answered(this, answer),
      failed: (why) => this.abort(`protocol error: ${why}`),
    });
    const { toldOfPeers } = parts;
    if (toldOfPeers) {
      new PexChannel({
        link: this.#link,
        clock,
        heard: (endpoints) => toldOfPeers(usableEndpoints(endpoints, remote.address)),
        failed: (why) => this.abort(`protocol error: ${why}`),
      });
    }
    const { wire } = this.#link;
    wire.on("handshake", (infoHash, peerId, { extended }) => this.#onHandshake(infoHash, peerId, extended));
    wire.on("extended", (name) => {
      if (name === "handshake") parts.introduced(this);
    });
    if (direction === "out") this.#sendHandshake();
  }

  /** Has it hung up, or does it, before it said who it is? */
  get isRebuff(): boolean {
    return !this.#isHandshaken && !this.#isClosedByUs;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** Of how many bytes it says that the metadata is; undefined before, and where it has none to give. */
  get offeredBytes(): number | undefined {
    return this.#channel.offeredBytes;
  }

  /** Asks for as much of its download as is to be asked for at a time. */
  ask(): void {
    for (let piece = this.download?.next(); piece !== undefined; piece = this.download?.next()) {
      this.#channel.request(piece);
    }
  }

  keepAlive(now: number): void {
    if (this.#link.idleMs(now) > LIMITS.peer.idleTimeoutMs) this.abort("silent");
    else this.#link.keepAlive(now, LIMITS.peer.keepAliveMs);
  }

  abort(reason: string): void {
    this.#isClosedByUs = true;
    this.#link.abort(reason);
  }

  #sendHandshake(): void {
    const { infoHash, peerId } = this.#parts;
    this.#link.wire.handshake(infoHash, peerId, { fast: true });
  }

  #onHandshake(infoHash: string, peerId: string, speaksExtensions: boolean): void {
    this.#isHandshaken = true;
    if (infoHash !== this.#parts.infoHash) this.abort("handshake for another torrent");
    else if (peerId === this.#parts.peerId) this.abort(OURSELVES);
    else if (!speaksExtensions) this.abort("gives no metadata: it speaks no extensions");
    else {
      if (this.direction === "in") this.#sendHandshake();
      // BEP 6: one of the three kinds of maps is due at once.
      if (this.#link.wire.hasFast) this.#link.wire.haveNone();
    }
  }
}
