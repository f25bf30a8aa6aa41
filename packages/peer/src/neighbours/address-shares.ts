import { type Address, hostOf } from "@cachetorrent/protocol";

const SHARE_PERCENT = 25;
const SHARE_LEAST = 2;

/**
 * Each address's share of a torrent's connections: one host with many peer ids must not keep everybody else out. It is
 * no bound: while there is room an address may have more, for a whole site may stand behind it (NAT). But what is
 * beyond its share makes way for others.
 */
export class AddressShares {
  /** Connections that are within their address's share. */
  readonly fair: number;
  readonly #share: number;
  readonly #counts = new Map<string, number>();

  constructor(addresses: Iterable<Address>, maxConnections: number) {
    this.#share = Math.max(SHARE_LEAST, Math.floor((maxConnections * SHARE_PERCENT) / 100));
    let fair = 0;
    for (const address of addresses) {
      const host = hostOf(address);
      const count = (this.#counts.get(host) ?? 0) + 1;
      this.#counts.set(host, count);
      if (count <= this.#share) fair++;
    }
    this.fair = fair;
  }

  /** Is one more connection with this address within its share? */
  hasRoomFor(address: Address): boolean {
    return this.#countOf(address) < this.#share;
  }

  /** Has this address more than its share? */
  isExceededBy(address: Address): boolean {
    return this.#countOf(address) > this.#share;
  }

  #countOf(address: Address): number {
    return this.#counts.get(hostOf(address)) ?? 0;
  }
}
