import { isIP } from "node:net";
import { fail, ok, type Result } from "./errors.ts";

declare const addressBrand: unique symbol;

/** A canonical IP address: dotted IPv4, or IPv6 as RFC 5952 writes it; an IPv4-mapped one is IPv4. */
export type Address = string & { readonly [addressBrand]: true };

/** Where a peer listens. */
export interface Endpoint {
  readonly address: Address;
  /** 1 to 65535. */
  readonly port: number;
}

export function parseAddress(text: string): Address | undefined {
  const family = isIP(text);
  if (family === 4) return text as Address;
  if (family === 6 && !text.includes("%")) return addressFromBytes(ipv6Bytes(text));
  return undefined;
}

export function isIPv6(address: Address): boolean {
  return address.includes(":");
}

/** 4 or 16 bytes in network order. */
export function addressBytes(address: Address): Uint8Array {
  return isIPv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
}

/** What counts as one host where a host's share is bounded: an IPv4 address, or the /64 that a host has of IPv6. */
export function hostOf(address: Address): string {
  return isIPv6(address) ? Buffer.from(addressBytes(address).subarray(0, 8)).toString("hex") : address;
}

/** The inverse of `addressBytes`; 16 bytes under ::ffff:0:0/96 become IPv4. */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length === 4) return bytes.join(".") as Address;
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`);
  const mapped =
    bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  if (mapped) return bytes.subarray(12).join(".") as Address;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  return compressZeros(groups) as Address;
}

/** `198.18.0.1:6881` or `[2001:db8::1]:6881`: readable, and a key that two spellings of one endpoint share. */
export function formatEndpoint(endpoint: Endpoint): string {
  return isIPv6(endpoint.address)
    ? `[${endpoint.address}]:${endpoint.port}`
    : `${endpoint.address}:${endpoint.port}`;
}

/** Parses `HOST:PORT` with a literal address; port 0 is refused unless `allowPortZero`. */
export function parseEndpoint(text: string, options: { allowPortZero?: boolean } = {}): Result<Endpoint> {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const address = parseAddress(match?.[1] ?? match?.[2] ?? "");
  const port = Number(match?.[3]);
  if (!address || !(port >= (options.allowPortZero ? 0 : 1) && port <= 65535)) {
    return fail(
      "CT_ERR_ADDRESS",
      `not an IP address and port such as 198.18.0.1:6881 or [2001:db8::1]:6881: ${text}`,
    );
  }
  return ok({ address, port });
}

export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port && a.address === b.address;
}

/** 0.0.0.0 and ::, which stand for every local address. */
export function isWildcard(address: Address): boolean {
  return address === "0.0.0.0" || address === "::";
}

export function isLoopback(address: Address): boolean {
  return isIPv6(address) ? address === "::1" : address.startsWith("127.");
}

export function isLinkLocal(address: Address): boolean {
  return isIPv6(address) ? /^fe[89ab][0-9a-f]:/.test(address) : address.startsWith("169.254.");
}

export function isMulticast(address: Address): boolean {
  if (isIPv6(address)) return /^ff[0-9a-f]{2}:/.test(address);
  const first = Number.parseInt(address, 10);
  return first >= 224 && first <= 239;
}

/** By hand: a tracker does it for every entry of every peer list. */
function ipv4Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      bytes[part++] = value;
      value = 0;
    } else value = value * 10 + code - 0x30;
  }
  bytes[part] = value;
  return bytes;
}

function ipv6Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(16);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const plain = dotted
    ? `${dotted[1]}${hexGroup(dotted[2], dotted[3])}:${hexGroup(dotted[4], dotted[5])}`
    : text;
  const [head = "", tail] = plain.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...before, ...Array<string>(8 - before.length - after.length).fill("0"), ...after];
  groups.forEach((group, i) => {
    const value = Number.parseInt(group, 16);
    bytes[2 * i] = value >> 8;
    bytes[2 * i + 1] = value & 0xff;
  });
  return bytes;
}

function hexGroup(high: string | undefined, low: string | undefined): string {
  return ((Number(high) << 8) | Number(low)).toString(16);
}

/** RFC 5952 section 4.2: `::` stands for the longest run of two or more zero groups, the first of equals. */
function compressZeros(groups: readonly number[]): string {
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < groups.length; ) {
    let j = i;
    while (j < groups.length && groups[j] === 0) j++;
    if (j - i > bestLength) {
      bestStart = i;
      bestLength = j - i;
    }
    i = Math.max(j, i + 1);
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(":");
  return `${hex.slice(0, bestStart).join(":")}::${hex.slice(bestStart + bestLength).join(":")}`;
}
