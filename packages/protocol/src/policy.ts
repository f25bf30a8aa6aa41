/** How a swarm treats AS borders. Each has its numbers beside it. */
export type Policy =
  | { readonly name: "bittorrent" }
  /** `externalPercent` of the peer list from other ASes, the rest from the asker's own. */
  | { readonly name: "biased"; readonly externalPercent: number }
  /** Leaders fetch outside, the other members of an AS through them. */
  | ({ readonly name: "cache" } & LeadersPolicy)
  /** As `cache`, with leaders of its own for each of so many ranges of pieces. */
  | ({ readonly name: "multi"; readonly ranges: number } & LeadersPolicy)
  /** Each piece enters an AS once: who fetches it is settled by claims at the first of the leaders, the head. */
  | ({
      readonly name: "coordinated";
      readonly fetchers: Fetchers;
      /** So many copies an AS may take whose own uploads are too weak to spread one; at least 1, and 1 is none beyond it. */
      readonly relief: number;
    } & LeadersPolicy);

/** Who may claim pieces: all members, or only leaders, where the other hosts have no way out. */
export type Fetchers = (typeof FETCHERS)[number];

export const FETCHERS = ["all", "leaders"] as const;

/** What policies have in common under which leaders have duties. */
export interface LeadersPolicy {
  /** Leaders in a hundred candidates, of each range; 1 to 100. */
  readonly leaderPercent: number;
  /** Peer lists as under `biased`; absent: at random. */
  readonly externalPercent?: number;
  /** At the latest so long after the first candidate of a swarm there are leaders. */
  readonly deadlineMs: number;
}

export type PolicyName = Policy["name"];

export const POLICY_NAMES: readonly PolicyName[] = ["bittorrent", "biased", "cache", "multi", "coordinated"];

export const DEFAULT_POLICY: PolicyName = "coordinated";

export const DEFAULT_EXTERNAL_PERCENT = 10;
export const DEFAULT_RANGES = 2;
export const DEFAULT_FETCHERS: Fetchers = "all";
export const DEFAULT_RELIEF = 1;

/** What a tracker follows that was told no other. */
export function defaultPolicy(numbers: LeadersPolicy): Extract<Policy, { name: "coordinated" }> {
  return { name: "coordinated", fetchers: DEFAULT_FETCHERS, relief: DEFAULT_RELIEF, ...numbers };
}

/** As a member is told it: a policy that this version does not know has no rule of ours. */
export type ToldPolicy = Policy | { readonly name: "unknown"; readonly said: string };

/** Do leaders have duties under this policy? */
export function hasLeaders(policy: ToldPolicy): policy is Extract<Policy, LeadersPolicy> {
  return policy.name === "cache" || policy.name === "multi" || policy.name === "coordinated";
}

/** Into how many ranges the pieces are split, each with leaders of its own. */
export function rangesOf(policy: ToldPolicy): number {
  return policy.name === "multi" ? policy.ranges : 1;
}

/** Which of the ranges a piece is in: they are of equal length, and the last one takes what remains. */
export function rangeOfPiece(piece: number, pieceCount: number, ranges: number): number {
  const length = Math.max(1, Math.floor(pieceCount / ranges));
  return Math.min(ranges - 1, Math.floor(piece / length));
}
