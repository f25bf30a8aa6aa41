import { biased } from "./biased.ts";
import type { HandOutPolicy } from "./hand-out-policy.ts";
import { random } from "./random.ts";

/**
 * Under policies with leaders: members get lists at random, or with `externalPercent` of other ASes. No rule keeps a stock
 * client from fetching outside what its AS holds, so it gets its own AS first, and others for the places that are left.
 */
export function leaders(externalPercent: number | undefined): HandOutPolicy {
  const toMembers = externalPercent === undefined ? random : biased(externalPercent);
  return (swarm, asker, count) => (asker.isMember ? toMembers : internalFirst)(swarm, asker, count);
}

const internalFirst = biased(0);
