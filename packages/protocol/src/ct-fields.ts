import { asBytes, asCount, asList, type BencodeDict, type BencodeValue, get } from "./bencode.ts";
import { decodeCompact, encodeCompact } from "./compact.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * What `ct_cache` messages are made of. Readers return what is wrong as a text, which is what they have in common: of
 * endpoints and counts there is only one thing to say, so these return undefined.
 */

/** 6 bytes of IPv4 or 18 of IPv6. */
export function encodeEndpoint(endpoint: Endpoint): Uint8Array {
  return encodeCompact([endpoint]);
}

/** Undefined if it is none, or has port 0. */
export function readEndpoint(value: BencodeValue | undefined): Endpoint | undefined {
  const bytes = asBytes(value);
  if (bytes?.length !== 6 && bytes?.length !== 18) return undefined;
  const decoded = decodeCompact(bytes, bytes.length === 6 ? "IPv4" : "IPv6");
  const endpoint = decoded.ok ? decoded.value[0] : undefined;
  return endpoint && endpoint.port > 0 ? endpoint : undefined;
}

export function readEndpoints(dict: BencodeDict, key: string, most: number): readonly Endpoint[] | string {
  const list = asList(get(dict, key));
  if (!list) return `no list ${key}`;
  if (list.length > most) return `${list.length} endpoints, more than ${most}`;
  const endpoints = list.map(readEndpoint).filter((endpoint) => endpoint !== undefined);
  return endpoints.length < list.length ? `${key} has what is no endpoint` : endpoints;
}

/** The list `p` of pieces, each below `pieceCount`. */
export function readPieces(dict: BencodeDict, pieceCount: number, most: number): readonly number[] | string {
  const list = asList(get(dict, "p"));
  if (!list) return "no list of pieces";
  if (list.length > most) return `${list.length} pieces, more than ${most}`;
  const pieces = list.map(asCount).filter((piece) => piece !== undefined);
  return pieces.length < list.length || pieces.some((piece) => piece >= pieceCount)
    ? `a piece that is none of ${pieceCount}`
    : pieces;
}

/** The single piece `p`. */
export function readPiece(dict: BencodeDict, pieceCount: number): number | string {
  const piece = asCount(get(dict, "p"));
  if (piece === undefined) return "no piece";
  return piece < pieceCount ? piece : `a piece that is none of ${pieceCount}`;
}

/** Part of a map of pieces. Bit 0 is piece `from`, a multiple of 8. */
export interface PartOfMap {
  readonly bits: Uint8Array;
  readonly from: number;
}

export function encodeBits({ bits, from }: PartOfMap): { bits: Uint8Array; from: number | undefined } {
  return { bits, from: from === 0 ? undefined : from };
}

/** It may end before the torrent does, not behind its last byte; spare bits are clear. */
export function readBits(dict: BencodeDict, pieceCount: number, bytesMost: number): PartOfMap | string {
  const bits = asBytes(get(dict, "bits"));
  const from = get(dict, "from") === undefined ? 0 : asCount(get(dict, "from"));
  if (!bits || from === undefined || from % 8 !== 0) return "no bits";
  if (bits.length > bytesMost) return `${bits.length} bytes of bits`;
  const spare = from + bits.length * 8 - pieceCount;
  if (spare >= 8) return `bits beyond the ${pieceCount} pieces`;
  return hasSpareBits(bits, spare) ? "spare bits set" : { bits, from };
}

/** Is one of the last `spare` bits set, of 7 or fewer? */
export function hasSpareBits(bits: Uint8Array, spare: number): boolean {
  return spare > 0 && ((bits.at(-1) ?? 0) & ((1 << spare) - 1)) !== 0;
}
