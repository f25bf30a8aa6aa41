import { type Address, hostOf } from "@cachetorrent/protocol";
import type { RefusalReason } from "./refusal.ts";

export interface PeerQuotaOptions {
  readonly peersPerAddress: number;
  readonly peersInAll: number;
}

/**
 * How many peers there are, in all and of each address, over all swarms: one host that invents peers and torrents must
 * not fill the tracker, nor must many hosts. A whole /64 of IPv6 counts as one address, for that is what one host has.
 */
export class PeerQuota {
  readonly #options: PeerQuotaOptions;
  readonly #counts = new Map<string, number>();
  #inAll = 0;

  constructor(options: PeerQuotaOptions) {
    this.#options = options;
  }

  /** Why there is no room for one more peer at `address`, if there is none. */
  refusal(address: Address): RefusalReason | undefined {
    if (this.#inAll >= this.#options.peersInAll) return "tracker-full";
    const ofAddress = this.#counts.get(hostOf(address)) ?? 0;
    return ofAddress >= this.#options.peersPerAddress ? "address-full" : undefined;
  }

  add(address: Address): void {
    this.#inAll++;
    const host = hostOf(address);
    this.#counts.set(host, (this.#counts.get(host) ?? 0) + 1);
  }

  remove(address: Address): void {
    this.#inAll--;
    const host = hostOf(address);
    const left = (this.#counts.get(host) ?? 0) - 1;
    if (left > 0) this.#counts.set(host, left);
    else this.#counts.delete(host);
  }
}
