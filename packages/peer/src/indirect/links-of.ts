import { formatEndpoint, type PeerId } from "@cachetorrent/protocol";
import type { Standing } from "../roles/standing.ts";
import { LeaderLink } from "./leader-link.ts";

/** What a follower knows of the leaders of a result. One that stands where it stood goes on being what it was to us. */
export function linksOf(
  standing: Standing,
  ours: PeerId,
  known: readonly LeaderLink[],
  now: number,
): LeaderLink[] {
  const links = new Map<PeerId, LeaderLink>();
  for (const [peerId, ranges] of followedRanges(standing, ours)) {
    const entry = standing.leaders.find((leader) => leader.peerId === peerId);
    if (!entry) continue;
    const before = known.find((link) => link.peerId === peerId);
    const isSame = before && formatEndpoint(before.endpoint) === formatEndpoint(entry.endpoint);
    const link = isSame ? before : new LeaderLink(peerId, entry.endpoint, ranges, now);
    if ([...link.ranges].join() !== [...ranges].join()) link.ranges = ranges;
    links.set(peerId, link);
  }
  return [...links.values()];
}

/** By leader: the ranges in which we follow it. */
function followedRanges(standing: Standing, ours: PeerId): Map<PeerId, Set<number>> {
  const ranges = new Map<PeerId, Set<number>>();
  for (const { peerId, range = 0 } of standing.leaders) {
    if (peerId === ours || standing.own.has(range)) continue;
    ranges.set(peerId, (ranges.get(peerId) ?? new Set()).add(range));
  }
  return ranges;
}
