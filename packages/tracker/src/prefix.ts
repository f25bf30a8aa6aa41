import {
  type Address,
  addressBytes,
  addressFromBytes,
  fail,
  isIPv6,
  ok,
  parseAddress,
  type Result,
} from "@cachetorrent/protocol";

/** A block of addresses, as CIDR notation writes it. */
export interface Prefix {
  readonly address: Address;
  /** 0 to 32, or to 128 for IPv6. */
  readonly bits: number;
}

/** `198.18.0.0/15`, `2001:db8::/32`, or one address. Bits beyond the length are ignored. */
export function parsePrefix(text: string): Result<Prefix> {
  const [, host = "", length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const address = parseAddress(host);
  if (!address) return fail("CT_ERR_ADDRESS", `not an address block such as 198.18.0.0/15: ${text}`);
  const most = isIPv6(address) ? 128 : 32;
  const bits = length === undefined ? most : Number(length);
  if (bits > most) return fail("CT_ERR_ADDRESS", `the prefix length of ${text} is over ${most}`);
  return ok({ address, bits });
}

/** The block with its first address: 127.1.0.5/16 is 127.1.0.0/16. */
export function networkOf({ address, bits }: Prefix): Prefix {
  const network = addressBytes(address).map((byte, i) => {
    const kept = Math.min(8, Math.max(0, bits - 8 * i));
    return byte & (0xff << (8 - kept));
  });
  return { address: addressFromBytes(network), bits };
}

export function formatPrefix({ address, bits }: Prefix): string {
  return `${address}/${bits}`;
}

/** Values by address block; the longest prefix that holds an address wins. */
export class PrefixMap<T> {
  readonly #ipv4 = new FamilyMap<T>(32);
  readonly #ipv6 = new FamilyMap<T>(128);

  /** Sets, or replaces, the value of one block. */
  set(prefix: Prefix, value: T): void {
    this.#family(prefix.address).set(prefix, value);
  }

  get(address: Address): T | undefined {
    return this.#family(address).get(address);
  }

  /** The value of this block itself, whatever longer or shorter ones there are. */
  getExact(prefix: Prefix): T | undefined {
    return this.#family(prefix.address).getExact(prefix);
  }

  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  #family(address: Address): FamilyMap<T> {
    return isIPv6(address) ? this.#ipv6 : this.#ipv4;
  }
}

/** A set of address blocks. */
export class AddressSet {
  readonly #blocks = new PrefixMap<true>();

  constructor(prefixes: Iterable<Prefix> = []) {
    for (const prefix of prefixes) this.#blocks.set(prefix, true);
  }

  has(address: Address): boolean {
    return this.#blocks.get(address) === true;
  }

  get isEmpty(): boolean {
    return this.#blocks.isEmpty;
  }
}

/** One hash table a prefix length in use: a look-up costs as many probes as the operator used lengths. */
class FamilyMap<T> {
  readonly #width: number;
  /** Longest first. */
  #tables: { readonly bits: number; readonly values: Map<bigint, T> }[] = [];

  constructor(width: number) {
    this.#width = width;
  }

  get size(): number {
    return this.#tables.reduce((sum, { values }) => sum + values.size, 0);
  }

  set({ address, bits }: Prefix, value: T): void {
    let table = this.#tables.find((one) => one.bits === bits);
    if (!table) {
      table = { bits, values: new Map() };
      this.#tables = [...this.#tables, table].sort((a, b) => b.bits - a.bits);
    }
    table.values.set(this.#network(addressNumber(address), bits), value);
  }

  get(address: Address): T | undefined {
    if (this.#tables.length === 0) return undefined;
    const number = addressNumber(address);
    for (const { bits, values } of this.#tables) {
      const value = values.get(this.#network(number, bits));
      if (value !== undefined) return value;
    }
    return undefined;
  }

  getExact({ address, bits }: Prefix): T | undefined {
    const table = this.#tables.find((one) => one.bits === bits);
    return table?.values.get(this.#network(addressNumber(address), bits));
  }

  #network(address: bigint, bits: number): bigint {
    return address >> BigInt(this.#width - bits);
  }
}

function addressNumber(address: Address): bigint {
  return BigInt(`0x${Buffer.from(addressBytes(address)).toString("hex")}`);
}
