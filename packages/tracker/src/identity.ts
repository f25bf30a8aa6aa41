import { type Address, LIMITS } from "@cachetorrent/protocol";
import type { SwarmPeer } from "./swarm-peer.ts";

/**
 * Whether an announce under a registered peer's id is really from it. Peer ids are public (peer lists and handshakes tell
 * them), so anybody could stop or replace a leader if the id were enough.
 */
export function isSamePeer(peer: SwarmPeer, source: Address, key: string | undefined): boolean {
  if (peer.ipv4?.address === source || peer.ipv6?.address === source) return true;
  return isStrong(key) && key === peer.key;
}

/** Whether strangers leave this peer as it is. A stock client without a key that moved has but its id to show. */
export function isGuarded(peer: SwarmPeer): boolean {
  return peer.member !== undefined || isStrong(peer.key);
}

/** In lower-case hex; a shorter key could be guessed. */
function isStrong(key: string | undefined): boolean {
  return key !== undefined && key.length >= 2 * LIMITS.tracker.keyBytesLeast;
}
