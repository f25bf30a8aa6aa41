import { type Address, addressBytes, addressFromBytes, type Endpoint, isIPv6 } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type Asn, UNKNOWN_ASN } from "./ids.ts";

/** BEP 23 (6 bytes each) for IPv4 and BEP 7 (18 bytes each) for IPv6; all must be of one family. */
export function encodeCompact(endpoints: readonly Endpoint[]): Uint8Array {
  const size = endpoints[0] && isIPv6(endpoints[0].address) ? 18 : 6;
  const bytes = new Uint8Array(endpoints.length * size);
  endpoints.forEach((endpoint, i) => {
    const address = addressBytes(endpoint.address);
    if (address.length !== size - 2)
      throw new RangeError("a compact list holds endpoints of one address family");
    bytes.set(address, i * size);
    bytes[i * size + size - 2] = endpoint.port >> 8;
    bytes[i * size + size - 1] = endpoint.port & 0xff;
  });
  return bytes;
}

/** Entries with port 0 are kept: a list of ASNs goes with it by position. */
export function decodeCompact(bytes: Uint8Array, family: "IPv4" | "IPv6"): Result<Endpoint[]> {
  const size = family === "IPv4" ? 6 : 18;
  if (bytes.length % size !== 0) {
    return fail(
      "CT_ERR_ANSWER",
      `a compact ${family} list of ${bytes.length} bytes is no multiple of ${size}`,
    );
  }
  const endpoints: Endpoint[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const address: Address = addressFromBytes(bytes.subarray(at, at + size - 2));
    const port = ((bytes[at + size - 2] ?? 0) << 8) | (bytes[at + size - 1] ?? 0);
    endpoints.push({ address, port });
  }
  return ok(endpoints);
}

/** 4 big-endian bytes for each AS number. */
export function encodeAsns(asns: readonly Asn[]): Uint8Array {
  const bytes = new Uint8Array(asns.length * 4);
  const view = new DataView(bytes.buffer);
  asns.forEach((asn, i) => {
    view.setUint32(i * 4, asn);
  });
  return bytes;
}

/** Exactly `count` AS numbers: those that are missing are unknown, those over are ignored. */
export function decodeAsns(bytes: Uint8Array, count: number): Asn[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) =>
    i * 4 + 4 <= bytes.length ? (view.getUint32(i * 4) as Asn) : UNKNOWN_ASN,
  );
}
