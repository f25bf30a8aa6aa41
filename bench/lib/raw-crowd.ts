import type { Clock, Timer } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { dial, RawPeer, type RawPeerOptions } from "./raw-peer.ts";

/** Some at a time: what is measured is how connections rest, not how they come. */
const AT_A_TIME = 50;
const PER_NETWORK = 200;

/** Many connections to one peer, each from an address of its own. */
export class RawCrowd {
  readonly #peers: RawPeer[] = [];
  readonly #options: Omit<RawPeerOptions, "localAddress">;
  readonly #keepAlive: Timer;

  private constructor(clock: Clock, options: Omit<RawPeerOptions, "localAddress">) {
    this.#options = options;
    this.#keepAlive = clock.every(LIMITS.peer.keepAliveMs, () => {
      for (const peer of this.#peers) if (peer.isOpen) peer.keepAlive();
    });
  }

  /** Resolves when so many have shaken hands. Rejects when one of them was refused. */
  static async open(
    clock: Clock,
    options: Omit<RawPeerOptions, "localAddress">,
    howMany: number,
  ): Promise<RawCrowd> {
    const crowd = new RawCrowd(clock, options);
    // The first one waits until the peer lets anybody in.
    crowd.#peers.push(await dial(clock, { ...options, localAddress: addressOf(0) }));
    await crowd.#grow(howMany - 1);
    return crowd;
  }

  /** How many the other side has not closed. */
  get size(): number {
    return this.#peers.filter((peer) => peer.isOpen).length;
  }

  close(): void {
    this.#keepAlive.cancel();
    for (const peer of this.#peers) peer.close();
  }

  async #grow(howMany: number): Promise<void> {
    for (let left = howMany; left > 0; left -= AT_A_TIME) {
      const first = this.#peers.length;
      const more = Array.from(
        { length: Math.min(AT_A_TIME, left) },
        (_, at) => new RawPeer({ ...this.#options, localAddress: addressOf(first + at) }),
      );
      this.#peers.push(...more);
      await Promise.all(more.map((peer) => peer.ready));
    }
  }
}

/** From 127.1.0.1 on. */
function addressOf(at: number): string {
  return `127.1.${Math.floor(at / PER_NETWORK)}.${1 + (at % PER_NETWORK)}`;
}
