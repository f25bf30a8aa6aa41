import { type Address, hostOf } from "@cachetorrent/protocol";

/**
 * How many peers each address has, over all swarms: one host that invents peers and torrents must not fill the
 * tracker. A whole /64 of IPv6 counts as one address, for that is what one host has.
 */
export class AddressQuota {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  hasRoom(address: Address): boolean {
    return (this.#counts.get(hostOf(address)) ?? 0) < this.#most;
  }

  add(address: Address): void {
    const host = hostOf(address);
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
  }

  remove(address: Address): void {
    const host = hostOf(address);
    const left = (this.#counts.get(host) ?? 0) - 1;
    if (left > 0) this.#counts.set(host, left);
    else this.#counts.delete(host);
  }
}
