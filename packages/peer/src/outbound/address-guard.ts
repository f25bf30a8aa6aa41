import { type LookupAddress, lookup as lookUpName } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { type Address, isIPv6, parseAddress } from "@cachetorrent/protocol";
import { isLocalAddress } from "./local-address.ts";

/** A URL leads to a local address, where it has no business. */
export class LocalAddressError extends Error {
  readonly address: string;

  constructor(address: string) {
    super(`${address} is a local address`);
    this.name = "LocalAddressError";
    this.address = address;
  }
}

export interface AddressGuardOptions {
  readonly isLocal?: (address: Address) => boolean;
  readonly lookup?: LookupFunction;
  /** In which order the addresses of a name are tried; unless said, the system's. */
  readonly order?: "ipv4first" | "ipv6first" | "verbatim";
}

/**
 * Keeps URLs that strangers wrote (trackers and web seeds of a torrent, and whatever they redirect to) from making us ask
 * services of this machine or site. What counts is the very address that is connected to: a name that is looked up once
 * to be judged and again to be used may be rebound in between.
 */
export class AddressGuard {
  readonly #isLocal: (address: Address) => boolean;
  readonly #lookup: LookupFunction;

  constructor(options: AddressGuardOptions = {}) {
    this.#isLocal = options.isLocal ?? isLocalAddress;
    const { lookup = lookUpName, order = "verbatim" } = options;
    this.#lookup = (host, asked, callback) => lookup(host, { ...asked, order }, callback);
  }

  /** What is no plain address (an IPv6 one with a zone, say) counts as local. */
  isLocal(text: string): boolean {
    const address = parseAddress(text);
    return !address || this.#isLocal(address);
  }

  /** Throws a `LocalAddressError` for a host that is written as a local address: no lookup would be asked about it. */
  checkLiteral(host: string): void {
    if (isIP(host) !== 0 && this.isLocal(host)) throw new LocalAddressError(host);
  }

  /**
   * The `lookup` to connect with. Unless `mayBeLocal`, local addresses of a name are left out, and a name that has no
   * others fails with a `LocalAddressError`.
   */
  lookupFor(mayBeLocal: boolean): LookupFunction {
    if (mayBeLocal) return this.#lookup;
    return (host, options, callback) => {
      this.#lookup(host, { ...options, all: true }, (error, found) => {
        if (error) return callback(error, []);
        const all = typeof found === "string" ? [{ address: found, family: isIP(found) }] : found;
        const allowed = all.filter(({ address }) => !this.isLocal(address));
        const [first] = allowed;
        if (!first) return callback(new LocalAddressError(all[0]?.address ?? host), []);
        if (options.all) callback(null, allowed);
        else callback(null, first.address, first.family);
      });
    };
  }

  /** The addresses of a host, at least one, of either family or of one. Rejects as `lookupFor` fails. */
  resolve(host: string, mayBeLocal: boolean, family: 0 | 4 | 6): Promise<Address[]> {
    return new Promise((resolve, reject) => {
      if (!mayBeLocal) this.checkLiteral(host);
      this.lookupFor(mayBeLocal)(host, { all: true, family }, (error, found) => {
        if (error) return reject(error);
        const all: LookupAddress[] = typeof found === "string" ? [{ address: found, family: 0 }] : found;
        const addresses = all
          .flatMap(({ address }) => parseAddress(address) ?? [])
          .filter((address) => family === 0 || isIPv6(address) === (family === 6));
        if (addresses.length > 0) resolve(addresses);
        else reject(new Error(`${host} has no address to connect to`));
      });
    });
  }
}
