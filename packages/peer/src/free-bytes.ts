/**
 * Gives the memory of bytes that nobody looks at any more back at once; to whoever still does they are empty. Left to the collector of
 * garbage they cost more than all else that is done with a block: it goes through the whole heap for each 64 MB of them. Bytes that are only
 * part of a buffer stay.
 */
export function freeBytes(bytes: Uint8Array): void {
  if (isWhole(bytes)) freeBuffer(bytes.buffer);
}

/** As `freeBytes`. */
export function freeBuffer(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}

/** Are they all of their buffer? */
export function isWhole({ buffer, length }: Uint8Array): boolean {
  return length === buffer.byteLength;
}
