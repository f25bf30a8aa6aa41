/** How a swarm treats AS borders. Each has its numbers beside it. */
export type Policy =
  | { readonly name: "bittorrent" }
  /** `externalPercent` of the peer list from other ASes, the rest from the asker's own. */
  | { readonly name: "biased"; readonly externalPercent: number };

export type PolicyName = Policy["name"];

export const POLICY_NAMES: readonly PolicyName[] = ["bittorrent", "biased"];

export const DEFAULT_EXTERNAL_PERCENT = 10;
