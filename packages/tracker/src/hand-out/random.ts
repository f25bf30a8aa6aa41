import type { HandOutPolicy } from "./hand-out-policy.ts";

/** What every BitTorrent tracker does: peers at random, whatever their AS. */
export const random: HandOutPolicy = (swarm, asker, count) =>
  swarm.everyone.window(count, (peer) => peer.peerId !== asker.peerId);
