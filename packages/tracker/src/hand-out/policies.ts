import type { Policy } from "@cachetorrent/protocol";
import { biased } from "./biased.ts";
import { coordinated } from "./coordinated.ts";
import type { HandOutPolicy } from "./hand-out-policy.ts";
import { leaders } from "./leaders.ts";
import { random } from "./random.ts";

/** How a swarm under `policy` hands out peers. */
export function handOutPolicy(policy: Policy): HandOutPolicy {
  switch (policy.name) {
    case "bittorrent":
      return random;
    case "biased":
      return biased(policy.externalPercent);
    case "cache":
    case "multi":
      return leaders(policy.externalPercent);
    case "coordinated":
      return coordinated;
  }
}
