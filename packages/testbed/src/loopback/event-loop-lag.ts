export const LAG_RESOLUTION_MS = 10;

/** By how much timers were late, of which the monitor itself sets one every 10 ms. */
export function eventLoopLagP99Ms(histogram: {
  readonly count: number;
  percentile(percentile: number): number;
}): number {
  if (histogram.count === 0) return 0;
  return Math.max(0, Math.round((histogram.percentile(99) / 1e6 - LAG_RESOLUTION_MS) * 10) / 10);
}
