import type { InfoHash, Policy } from "@cachetorrent/protocol";

/** The policy of all swarms, and of those that have their own. */
export interface Policies {
  readonly standard: Policy;
  readonly overrides: ReadonlyMap<InfoHash, Policy>;
}

export function policyOf(policies: Policies, infoHash: InfoHash): Policy {
  return policies.overrides.get(infoHash) ?? policies.standard;
}
