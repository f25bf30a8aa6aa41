/** What a swarm's speed is bounded by. Capacities in bytes/s, downloads taken as unlimited. */
export interface Capacities {
  readonly contentBytes: number;
  readonly seedUp: number;
  readonly leecherUp: number;
  readonly leechers: number;
}

/**
 * The least time in which all leechers can be complete, in ms: the seed must send every byte once, and all
 * uploads together must carry a copy for each leecher (Kumar and Ross, "Peer-assisted file distribution: the minimum
 * distribution time", 2006, section 3).
 */
export function lowerBoundMs({ contentBytes, seedUp, leecherUp, leechers }: Capacities): number {
  const seconds = Math.max(
    contentBytes / seedUp,
    (leechers * contentBytes) / (seedUp + leechers * leecherUp),
  );
  return Math.round(seconds * 1000);
}
