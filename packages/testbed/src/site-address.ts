import type { Address, Asn } from "@cachetorrent/protocol";

/** Testbed sites live on loopback, where every address of 127.0.0.0/8 can be bound: AS 2 is 127.2.0.0/16. */
export function prefixOfAs(asn: Asn): string {
  return `127.${checked(asn)}.0.0/16`;
}

/** The address of an AS's nth host, counted from 1: 127.2.0.1 is the first of AS 2. */
export function hostAddress(asn: Asn, host: number): Address {
  return `127.${checked(asn)}.${host >> 8}.${host & 0xff}` as Address;
}

function checked(asn: Asn): number {
  if (asn < 1 || asn > 255) throw new RangeError(`AS ${asn} has no loopback prefix: 1 to 255 have`);
  return asn;
}
