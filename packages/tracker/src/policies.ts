import { seatsError } from "@cachetorrent/election";
import { CtError, hasLeaders, type InfoHash, type Policy, rangesOf } from "@cachetorrent/protocol";

/** The policy of all swarms, and of those that have their own. */
export interface Policies {
  readonly standard: Policy;
  readonly overrides: ReadonlyMap<InfoHash, Policy>;
}

export function policyOf(policies: Policies, infoHash: InfoHash): Policy {
  return policies.overrides.get(infoHash) ?? policies.standard;
}

/**
 * At the start: the first election would be too late to tell.
 * @throws CtError CT_ERR_CONFIG, naming the options and the swarm, where there cannot be so many leaders.
 */
export function checkPolicies({ standard, overrides }: Policies): void {
  checkSeats(standard, "");
  for (const [infoHash, policy] of overrides) checkSeats(policy, `swarms.${infoHash}: `);
}

function checkSeats(policy: Policy, where: string): void {
  if (!hasLeaders(policy)) return;
  const error = seatsError({ leaderPercent: policy.leaderPercent, ranges: rangesOf(policy) });
  if (error !== undefined) throw new CtError("CT_ERR_CONFIG", `${where}ranges and leader-percent: ${error}`);
}
