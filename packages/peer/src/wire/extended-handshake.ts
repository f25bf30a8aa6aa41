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
export function isInitialSeed({ peerExtendedHandshake: { ct } }: Wire): boolean {
  return typeof ct === "object" && ct !== null && (ct as { readonly seed?: unknown }).seed === 1;
}
