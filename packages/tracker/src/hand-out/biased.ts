import { isInternal, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { HandOutPolicy } from "./hand-out-policy.ts";
import { random } from "./random.ts";

/**
 * `externalPercent` of the list from other ASes, the rest from the asker's own (Bindal et al., ICDCS 2006). Where one
 * side has too few, the other takes its places. To a peer of unknown AS everybody is external.
 */
export function biased(externalPercent: number): HandOutPolicy {
  return (swarm, asker, count) => {
    if (asker.asn === UNKNOWN_ASN) return random(swarm, asker, count);
    const notAsker = (peer: { peerId: string }) => peer.peerId !== asker.peerId;
    const internal = swarm.localPeers(asker.asn);
    const internalMost = internal?.size ?? 0;
    const externalMost = swarm.everyone.size - internalMost;
    const externalShare = Math.min(Math.floor((externalPercent * count) / 100), externalMost);
    const inside = internal?.window(count - externalShare, notAsker) ?? [];
    const outside = swarm.everyone.window(
      Math.min(count - inside.length, externalMost),
      (peer) => !isInternal(peer.asn, asker.asn) && notAsker(peer),
    );
    return [...inside, ...outside];
  };
}
