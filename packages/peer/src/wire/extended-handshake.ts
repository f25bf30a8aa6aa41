import { LIMITS } from "@cachetorrent/protocol";
import type Wire from "bittorrent-protocol";

const { blockBytes, requestBytesMost } = LIMITS.peer;

/** What the other side says of itself in its extended handshake (BEP 10), as far as that came: any key may be missing, or be of any kind. */
export class TheirWord {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** The port it listens on (`p`). */
  get listenPort(): number | undefined {
    const { p: port } = this.#wire.peerExtendedHandshake;
    return typeof port === "number" && port > 0 && port <= 65535 ? port : undefined;
  }

  /** How many requests it lets wait (`reqq`). */
  get queueLength(): number {
    const { reqq: most } = this.#wire.peerExtendedHandshake;
    return typeof most === "number" && most > 0 ? most : Number.POSITIVE_INFINITY;
  }

  /** Bytes of the longest request that it answers (`ct`, `request`): a block, if it says nothing, for it may hang up at more (BEP 3). */
  get longestRequest(): number {
    const { request: most } = this.#ct;
    return typeof most === "number" ? Math.max(blockBytes, Math.min(most, requestBytesMost)) : blockBytes;
  }

  /** Had it the whole content when it joined (`ct`, `seed`)? */
  get isInitialSeed(): boolean {
    return this.#ct.seed === 1;
  }

  get #ct(): { readonly [key: string]: unknown } {
    const { ct } = this.#wire.peerExtendedHandshake;
    return typeof ct === "object" && ct !== null ? (ct as { readonly [key: string]: unknown }) : {};
  }
}
