import { LIMITS } from "@cachetorrent/protocol";

const { blockBytes, requestTimeoutMs } = LIMITS.peer;

/** Of a claim's time: so long one waits at least, and so long for the first byte of a neighbour whose rate is not known. */
const LEAST = 0.8;
const AT_FIRST = 1.5;
/** Blocks at the neighbour's rate: with four others in its slots they come one after the other. */
const BLOCKS = 3;

/**
 * How long a neighbour that we asked for something may say nothing, in ms: a block over a slow line takes seconds. `rate` is what
 * came from it lately, bytes/s, 0 for nothing; `pieceLength` bytes.
 */
export function patienceMs(rate: number, ttlMs: number, pieceLength: number): number {
  if (!(rate > 0)) return Math.min(requestTimeoutMs, ttlMs * AT_FIRST);
  const blockMs = (Math.min(pieceLength, blockBytes) / rate) * 1000;
  return Math.min(requestTimeoutMs, Math.max(ttlMs * LEAST, BLOCKS * blockMs));
}
