import { type Address, type BencodeDict, type Endpoint, isIPv6, parseAddress } from "@cachetorrent/protocol";
import { cutKrpc, isSoundKrpc } from "./krpc-message.ts";

/** How nodes of one family and the DHT's library, which knows IPv4 only, understand each other. */
export interface KrpcDialect {
  readonly family: 4 | 6;
  /** What the library is told for the address. */
  hostFor(address: Address): string;
  /** The address that it means; undefined for one that it has not been told of lately. */
  addressOf(host: string): Address | undefined;
  /** A message as it came, for the library; undefined for one that it cannot be trusted with. */
  incoming(bytes: Uint8Array, from: Endpoint): Uint8Array | undefined;
  /** One of the library's, as it may be sent, a reply with what is `besides`; undefined for one that may not. */
  outgoing(bytes: Uint8Array, to: Endpoint, besides?: BencodeDict): Uint8Array | undefined;
}

/** The library's own. */
export const krpcIPv4: KrpcDialect = {
  family: 4,
  hostFor: (address) => address,
  addressOf(host) {
    const address = parseAddress(host);
    return address && !isIPv6(address) ? address : undefined;
  },
  incoming: (bytes) => (isSoundKrpc(bytes) ? bytes : undefined),
  outgoing: (bytes, _to, besides) => cutKrpc(bytes, besides),
};
