import { LIMITS } from "@cachetorrent/protocol";
import type { SwarmPeer } from "./swarm-peer.ts";

/**
 * When a peer counts as gone, unless it is heard of before: two intervals after its last announce. A member that is
 * expected to open its leaders feed again is missed much sooner, a minute after it closed.
 */
export function expiresAt({ announcedAt, member }: SwarmPeer, intervalMs: number): number {
  if (member && member.openFeeds > 0) return Infinity;
  if (member?.feedClosedAt === undefined) return announcedAt + 2 * intervalMs;
  return Math.max(member.feedClosedAt, announcedAt) + LIMITS.tracker.feedClosedExpiryMs;
}
