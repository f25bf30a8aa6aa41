import { LIMITS } from "@cachetorrent/protocol";
import type { SwarmPeer } from "./swarm.ts";

/**
 * When a peer counts as gone, unless it is heard of before: two intervals after its last announce. Members whose leaders
 * feed was open are missed much sooner, a minute after it closed, except those that have no reason to poll any more.
 */
export function expiresAt(peer: SwarmPeer, intervalMs: number, leads: boolean): number {
  const { member } = peer;
  if (member && member.openFeeds > 0) return Infinity;
  const polls = member?.feedClosedAt !== undefined && (leads || peer.left > 0);
  if (!polls || member.feedClosedAt === undefined) return peer.announcedAt + 2 * intervalMs;
  return Math.max(member.feedClosedAt, peer.announcedAt) + LIMITS.tracker.feedClosedExpiryMs;
}
