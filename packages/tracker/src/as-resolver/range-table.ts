import type { Asn } from "@cachetorrent/protocol";

/** An address as big-endian 32-bit words: 1 for IPv4, 4 for IPv6. */
export type AddressWords = ArrayLike<number>;

/**
 * Address ranges with their AS, in ascending order, in flat arrays: the routes of the whole Internet (half a million
 * ranges) take some 7 MB, and a look-up is one binary search.
 */
export class RangeTable {
  readonly #width: number;
  #starts: Uint32Array;
  #ends: Uint32Array;
  #asns: Uint32Array;
  #size = 0;

  /** `width` is the number of words of an address. */
  constructor(width: 1 | 4) {
    this.#width = width;
    this.#starts = new Uint32Array(width * 1024);
    this.#ends = new Uint32Array(width * 1024);
    this.#asns = new Uint32Array(1024);
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Adds a range, ends included; false, and nothing is added, unless it begins behind all others. Real tables do have
   * ranges that overlap: there the one that begins later counts.
   */
  append(start: AddressWords, end: AddressWords, asn: Asn): boolean {
    if (this.#compare(start, end, 0) > 0) return false;
    if (this.#size > 0 && this.#compare(start, this.#starts, this.#size - 1) <= 0) return false;
    if (this.#size === this.#asns.length) this.#resize(2 * this.#size);
    this.#starts.set(start, this.#size * this.#width);
    this.#ends.set(end, this.#size * this.#width);
    this.#asns[this.#size] = asn;
    this.#size++;
    return true;
  }

  find(address: AddressWords): Asn | undefined {
    let low = 0;
    let high = this.#size;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(address, this.#starts, middle) < 0) high = middle;
      else low = middle + 1;
    }
    const candidate = low - 1;
    if (candidate < 0 || this.#compare(address, this.#ends, candidate) > 0) return undefined;
    return this.#asns[candidate] as Asn;
  }

  /** Gives back the room kept for more. */
  trim(): void {
    this.#resize(this.#size);
  }

  /** Negative when `address` is below entry `index` of `table`. */
  #compare(address: AddressWords, table: AddressWords, index: number): number {
    for (let i = 0; i < this.#width; i++) {
      const difference = (address[i] ?? 0) - (table[index * this.#width + i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }

  #resize(size: number): void {
    this.#starts = resized(this.#starts, size * this.#width);
    this.#ends = resized(this.#ends, size * this.#width);
    this.#asns = resized(this.#asns, size);
  }
}

function resized(array: Uint32Array, length: number): Uint32Array {
  const copy = new Uint32Array(length);
  copy.set(array.subarray(0, length));
  return copy;
}
