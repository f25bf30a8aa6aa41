import { LIMITS } from "@cachetorrent/protocol";
import { freeBuffer } from "../free-bytes.ts";

/** Length, id, piece and begin of a `piece` message. */
const HEAD_BYTES = 13;
const SIZES = [LIMITS.peer.blockBytes + HEAD_BYTES, LIMITS.peer.requestBytesMost + HEAD_BYTES] as const;
/** So many bytes are kept for the next ones. */
const SPARE_BYTES = 2 * 1024 * 1024;

const spare = new Map<number, ArrayBuffer[]>(SIZES.map((size) => [size, []]));

/**
 * Memory for a block that comes in parts, to be given back by `givePart`. A long block always does, and allocated anew each time it
 * would be most of what the collector of garbage sees of a download.
 */
export function takePart(bytes: number): Uint8Array {
  const size = SIZES.find((one) => bytes <= one) ?? bytes;
  return new Uint8Array(spare.get(size)?.pop() ?? new ArrayBuffer(size), 0, bytes);
}

/** Nobody looks at it any more. */
export function givePart({ buffer }: Uint8Array): void {
  const spares = spare.get(buffer.byteLength);
  if (spares && (spares.length + 1) * buffer.byteLength <= SPARE_BYTES) spares.push(buffer as ArrayBuffer);
  else freeBuffer(buffer);
}
