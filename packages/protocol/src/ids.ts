declare const infoHashBrand: unique symbol;
declare const peerIdBrand: unique symbol;
declare const asnBrand: unique symbol;
declare const pieceIndexBrand: unique symbol;

/** The SHA-1 of a torrent's info dictionary (BEP 3): 40 lower-case hex digits. */
export type InfoHash = string & { readonly [infoHashBrand]: true };
/** The 20 bytes a peer calls itself by: 40 lower-case hex digits. Ordered as its bytes are. */
export type PeerId = string & { readonly [peerIdBrand]: true };
/** A 32-bit autonomous system number; 0 is "unknown", and an unknown AS is external to everybody. */
export type Asn = number & { readonly [asnBrand]: true };
/** A piece's place in its torrent, counted from 0. */
export type PieceIndex = number & { readonly [pieceIndexBrand]: true };

export const UNKNOWN_ASN = 0 as Asn;

const HEX_20_BYTES = /^[0-9a-f]{40}$/;

export function isInfoHash(text: string): text is InfoHash {
  return HEX_20_BYTES.test(text);
}

export function isPeerId(text: string): text is PeerId {
  return HEX_20_BYTES.test(text);
}

export function infoHashFromBytes(bytes: Uint8Array): InfoHash {
  return hexOf20Bytes(bytes) as InfoHash;
}

export function peerIdFromBytes(bytes: Uint8Array): PeerId {
  return hexOf20Bytes(bytes) as PeerId;
}

/** The raw 20 bytes of an info-hash or peer id. */
export function idBytes(id: InfoHash | PeerId): Uint8Array {
  return Buffer.from(id, "hex");
}

/** `AS64500` or `64500` → 64500; undefined for anything that is not a 32-bit AS number above 0. */
export function parseAsn(text: string): Asn | undefined {
  const digits = /^(?:AS)?(\d{1,10})$/i.exec(text.trim())?.[1];
  if (digits === undefined) return undefined;
  const value = Number(digits);
  return value >= 1 && value <= 0xffffffff ? (value as Asn) : undefined;
}

/** An AS is internal to another only when both are known and the same. */
export function isInternal(a: Asn, b: Asn): boolean {
  return a !== UNKNOWN_ASN && a === b;
}

function hexOf20Bytes(bytes: Uint8Array): string {
  if (bytes.length !== 20) throw new RangeError(`an id has 20 bytes, not ${bytes.length}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}
