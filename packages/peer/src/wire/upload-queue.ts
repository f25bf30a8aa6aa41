import { LIMITS } from "@cachetorrent/protocol";
import { type BlockRequest, sectionKey } from "./block-request.ts";

/**
 * The blocks that one peer asked for and waits for, in the order of its requests. It is the only list of them: the wire's own
 * takes one of two equal requests for the other.
 */
export class UploadQueue {
  #requests: BlockRequest[] = [];

  get isEmpty(): boolean {
    return this.#requests.length === 0;
  }

  /** The one whose turn it is. */
  get first(): BlockRequest | undefined {
    return this.#requests[0];
  }

  /** Of each other section than this one the first request that waits, in their turn. */
  *ahead(section: number): Generator<BlockRequest> {
    const seen = new Set([section]);
    for (const request of this.#requests) {
      const key = sectionKey(request);
      if (seen.has(key)) continue;
      seen.add(key);
      yield request;
    }
  }

  /** False when too many wait already. */
  add(request: BlockRequest): boolean {
    if (this.#requests.length >= LIMITS.peer.requestsQueuedPerConnection) return false;
    this.#requests.push(request);
    return true;
  }

  takeFirst(): void {
    this.#requests.shift();
  }

  /** False when it, or one equal to it, does not wait. */
  remove({ piece, begin, length }: BlockRequest): boolean {
    const at = this.#requests.findIndex(
      (one) => one.piece === piece && one.begin === begin && one.length === length,
    );
    if (at >= 0) this.#requests.splice(at, 1);
    return at >= 0;
  }

  takeAll(): BlockRequest[] {
    const requests = this.#requests;
    this.#requests = [];
    return requests;
  }
}
