import type { Clock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { RateMeter } from "../rates/rate-meter.ts";
import type { BlockRequest } from "./block-request.ts";
import type { Link } from "./link.ts";
import { UploadQueue } from "./upload-queue.ts";

export interface UploadSideParts {
  readonly link: Link;
  readonly clock: Clock;
  /** May the other side have this piece now? Its request is refused otherwise. */
  mayServe(piece: number): boolean;
  /** The other side waits for a block of this piece, and maybe others. */
  requested(piece: number): void;
}

/** What we give over one connection: choke or unchoke, and the blocks that the other side asked for. */
export class UploadSide {
  readonly #parts: UploadSideParts;
  /** What the other side waits for. */
  readonly queue = new UploadQueue();
  readonly rate: RateMeter;
  lastUnchokedAt = 0;
  #chokedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: UploadSideParts) {
    this.#parts = parts;
    this.rate = new RateMeter(parts.clock.now());
    const { wire } = parts.link;
    wire.on("request", (piece, begin, length) => this.#onRequest({ piece, begin, length }));
    wire.on("cancel", (piece, begin, length) => this.refuse({ piece, begin, length }));
  }

  /** Are we choking the other side? */
  get isChoking(): boolean {
    return this.#parts.link.wire.amChoking;
  }

  /** When it last had a slot: now, if it has one; minus infinity, if it never had. */
  lastServedAt(now: number): number {
    return this.isChoking ? this.#chokedAt : now;
  }

  /** Whether another block may be handed to the socket: more would only delay control messages. */
  canSend(now: number): boolean {
    const { link } = this.#parts;
    const most = Math.max(LIMITS.peer.unsentBytesLeast, (this.rate.rate(now) * LIMITS.peer.unsentMs) / 1000);
    return link.isOpen && link.unsentBytes < most;
  }

  choke(): void {
    if (this.isChoking) return;
    this.#chokedAt = this.#parts.clock.now();
    this.#parts.link.wire.choke();
    // Each open request is rejected by name (BEP 6): one of an earlier unchoke is never served.
    for (const request of this.queue.takeAll()) this.#reject(request);
  }

  unchoke(): void {
    this.lastUnchokedAt = this.#parts.clock.now();
    this.#parts.link.wire.unchoke();
  }

  /**
   * Sends the block of a request that was queued; false when the connection is ending and nothing more can be sent. `onLeft`: its bytes are
   * needed no more; not called where that is not known.
   */
  serve({ piece, begin }: BlockRequest, block: Uint8Array, onLeft: () => void): boolean {
    const { clock, link } = this.#parts;
    if (!link.isOpen) {
      onLeft();
      return false;
    }
    this.rate.add(block.length, clock.now());
    link.sendBlock(piece, begin, block, onLeft);
    return true;
  }

  /** Will not serve a queued request: the other side may ask elsewhere. */
  refuse(request: BlockRequest): void {
    if (this.queue.remove(request)) this.#reject(request);
  }

  #onRequest(request: BlockRequest): void {
    this.#parts.link.wire.peerRequests.length = 0; // our queue has them
    if (this.#parts.mayServe(request.piece) && this.queue.add(request)) this.#parts.requested(request.piece);
    else this.#reject(request);
  }

  /** BEP 6: each request is answered by exactly one piece or reject, a cancelled one too. */
  #reject({ piece, begin, length }: BlockRequest): void {
    const { wire } = this.#parts.link;
    if (wire.hasFast) wire.reject(piece, begin, length);
  }
}
