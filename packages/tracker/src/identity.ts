import { type Address, LIMITS } from "@cachetorrent/protocol";
import type { SwarmPeer } from "./swarm.ts";

/**
 * Whether an announce under a registered peer's id is really from it. Peer ids are public (every peer list and handshake
 * tells them), so anybody could stop or replace a leader if the id were enough. A short key could be guessed.
 */
export function isSamePeer(peer: SwarmPeer, source: Address, key: string | undefined): boolean {
  if (peer.ipv4?.address === source || peer.ipv6?.address === source) return true;
  return key !== undefined && key.length >= 2 * LIMITS.tracker.keyBytesLeast && key === peer.key;
}
