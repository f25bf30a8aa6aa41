import type { PeerId } from "@cachetorrent/protocol";

/** A member that stands for election, with the capacity it declares in bytes/s. */
export interface Candidate {
  readonly peerId: PeerId;
  readonly up: number;
  readonly down: number;
}

/** 2 under policies that need a standby: an electorate of n candidates then has at least min(2, n) leaders. */
export type LeastLeaders = 1 | 2;

/** Negative when `a` ranks before `b`: upload descending, download descending, peer id ascending. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  return b.up - a.up || b.down - a.down || (a.peerId < b.peerId ? -1 : a.peerId > b.peerId ? 1 : 0);
}

/** How many leaders an electorate of so many candidates has: never none while there is a candidate. */
export function seatCount(candidates: number, leaderPercent: number, leastLeaders: LeastLeaders = 1): number {
  const least = Math.min(leastLeaders, candidates);
  return Math.max(least, Math.floor((candidates * leaderPercent) / 100));
}

/** The leaders of an electorate that has none yet, in rank order. */
export function elect(
  candidates: Iterable<Candidate>,
  leaderPercent: number,
  leastLeaders: LeastLeaders = 1,
): PeerId[] {
  const ranked = [...candidates].toSorted(compareCandidates).map(({ peerId }) => peerId);
  return ranked.slice(0, seatCount(ranked.length, leaderPercent, leastLeaders));
}
