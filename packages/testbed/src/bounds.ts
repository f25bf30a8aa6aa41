/** What the speed of a distribution is bounded by: bytes, and bytes/s (Infinity for no limit). */
export interface SwarmCapacities {
  readonly contentBytes: number;
  readonly seedUps: readonly number[];
  readonly leechers: readonly { readonly up: number; readonly down: number }[];
  /** The way in, of each AS that has leechers and no initial seed. */
  readonly linksIn: readonly number[];
  /** The way out, of each AS with initial seeds, if there are leechers elsewhere. */
  readonly seedLinksOut: readonly number[];
}

/**
 * The least time in which all leechers can be complete, in ms. The first three terms are those of Kumar and Ross ("Peer-
 * assisted file distribution: the minimum distribution time", 2006, theorem 1): the seeds must send each byte once, the
 * slowest downlink must take all of them, and all uplinks together must carry a copy for each leecher. The others are cuts:
 * every AS must get each byte over its link once, and the seeds' ASes must let each byte out once.
 */
export function linkAwareBoundMs(swarm: SwarmCapacities): number {
  const { contentBytes, leechers, linksIn, seedLinksOut, seedUps } = swarm;
  if (leechers.length === 0) return 0;
  const seedUp = sum(seedUps);
  const uploads = seedUp + sum(leechers.map(({ up }) => up));
  const seconds = Math.max(
    contentBytes / seedUp,
    contentBytes / Math.min(...leechers.map(({ down }) => down)),
    (leechers.length * contentBytes) / uploads,
    ...linksIn.map((link) => contentBytes / link),
    seedLinksOut.length > 0 ? contentBytes / sum(seedLinksOut) : 0,
  );
  return Math.round(seconds * 1000);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
