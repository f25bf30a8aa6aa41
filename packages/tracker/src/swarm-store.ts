import type { Random } from "@cachetorrent/clock";
import type { InfoHash } from "@cachetorrent/protocol";
import { Swarm } from "./swarm.ts";

/**
 * Where swarms live. Synchronous, for a hand-out reads hundreds of peers: a store shared by several trackers keeps a
 * replica here and sends its changes on. Every store passes `swarmStoreContract` (test/swarm-store-contract.ts).
 */
export interface SwarmStore {
  readonly size: number;
  get(infoHash: InfoHash): Swarm | undefined;
  /** The swarm, made if there is none. */
  open(infoHash: InfoHash): Swarm;
  /** Forgets a swarm and its peers. */
  delete(infoHash: InfoHash): void;
  swarms(): Iterable<Swarm>;
}

export class MemorySwarmStore implements SwarmStore {
  readonly #swarms = new Map<InfoHash, Swarm>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#swarms.size;
  }

  get(infoHash: InfoHash): Swarm | undefined {
    return this.#swarms.get(infoHash);
  }

  open(infoHash: InfoHash): Swarm {
    const known = this.#swarms.get(infoHash);
    if (known) return known;
    const swarm = new Swarm(infoHash, this.#random);
    this.#swarms.set(infoHash, swarm);
    return swarm;
  }

  delete(infoHash: InfoHash): void {
    this.#swarms.delete(infoHash);
  }

  swarms(): Iterable<Swarm> {
    return this.#swarms.values();
  }
}
