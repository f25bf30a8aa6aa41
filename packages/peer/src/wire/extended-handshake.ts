import { LIMITS } from "@cachetorrent/protocol";
import type Wire from "bittorrent-protocol";

// What the other side says of itself (BEP 10): any key may be missing, or be of any kind.

/** The port it listens on (`p`). */
export function listenPortOf({ peerExtendedHandshake: { p: port } }: Wire): number | undefined {
  return typeof port === "number" && port > 0 && port <= 65535 ? port : undefined;
}

/** How many requests it lets wait (`reqq`). */
export function queueLengthOf({ peerExtendedHandshake: { reqq: most } }: Wire): number {
  return typeof most === "number" && most > 0 ? most : Number.POSITIVE_INFINITY;
}

/** Had it the whole content when it joined (`ct`, `seed`)? */
export function isInitialSeed(wire: Wire): boolean {
  return ctOf(wire).seed === 1;
}

/** Bytes of the longest request that it answers (`ct`, `request`); others may hang up at more than a block (BEP 3). */
export function longestRequestOf(wire: Wire): number {
  const { blockBytes, requestBytesMost } = LIMITS.peer;
  const { request: most } = ctOf(wire);
  return typeof most === "number" ? Math.max(blockBytes, Math.min(most, requestBytesMost)) : blockBytes;
}

function ctOf({ peerExtendedHandshake: { ct } }: Wire): { readonly [key: string]: unknown } {
  return typeof ct === "object" && ct !== null ? (ct as { readonly [key: string]: unknown }) : {};
}
