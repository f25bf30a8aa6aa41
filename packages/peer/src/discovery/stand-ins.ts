import { type Address, addressFromBytes } from "@cachetorrent/protocol";

/** 240.0.0.0/4: no machine has such an address (RFC 1112). */
const FIRST = 0xf0000000;
const COUNT = 2 ** 28;

/**
 * Addresses of IPv4 that stand for those of IPv6, given in turn. Of so many at most: those that were not used for the longest time stand for
 * nothing any more.
 */
export class StandIns {
  readonly #most: number;
  /** By stand-in, in the order of their last use. */
  readonly #addresses = new Map<Address, Address>();
  readonly #standIns = new Map<Address, Address>();
  #given = 0;

  constructor(most: number) {
    this.#most = most;
  }

  standInFor(address: Address): Address {
    const standIn = this.#standIns.get(address) ?? this.#next();
    this.#standIns.set(address, standIn);
    this.#use(standIn, address);
    return standIn;
  }

  addressOf(standIn: Address): Address | undefined {
    const address = this.#addresses.get(standIn);
    if (address) this.#use(standIn, address);
    return address;
  }

  #use(standIn: Address, address: Address): void {
    this.#addresses.delete(standIn);
    this.#addresses.set(standIn, address);
    if (this.#addresses.size <= this.#most) return;
    const [[oldest, was] = []] = this.#addresses;
    if (oldest !== undefined && was !== undefined) {
      this.#addresses.delete(oldest);
      this.#standIns.delete(was);
    }
  }

  #next(): Address {
    for (;;) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(FIRST + (this.#given++ % COUNT));
      const standIn = addressFromBytes(bytes);
      if (!this.#addresses.has(standIn)) return standIn;
    }
  }
}
