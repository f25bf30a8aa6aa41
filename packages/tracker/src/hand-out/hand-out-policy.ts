import type { Asn, PeerId, Policy } from "@cachetorrent/protocol";
import type { SwarmPeer, SwarmView } from "../swarm.ts";
import { biased } from "./biased.ts";
import { random } from "./random.ts";

/** Who asks for peers. */
export interface Asker {
  readonly peerId: PeerId;
  readonly asn: Asn;
}

/** Chooses at most `count` peers of a swarm for somebody, who is never among them. */
export type HandOutPolicy = (swarm: SwarmView, asker: Asker, count: number) => SwarmPeer[];

/** How a swarm under `policy` hands out peers. */
export function handOutPolicy(policy: Policy): HandOutPolicy {
  switch (policy.name) {
    case "bittorrent":
      return random;
    case "biased":
      return biased(policy.externalPercent);
  }
}
