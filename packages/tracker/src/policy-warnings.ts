import {
  DEFAULT_EXTERNAL_PERCENT,
  DEFAULT_FETCHERS,
  DEFAULT_RANGES,
  DEFAULT_RELIEF,
  hasLeaders,
  type InfoHash,
  type Policy,
} from "@cachetorrent/protocol";
import type { TrackerConfig } from "./config.ts";
import type { Policies } from "./policies.ts";

type Option = "ranges" | "hand-out" | "external-percent" | "leader-percent" | "fetchers" | "relief";

/**
 * What a configuration says in vain, in words for the log: without a word it would look as if it did something. `knowsAses`:
 * there is a table or a route database.
 */
export function policyWarnings(config: TrackerConfig, policies: Policies, knowsAses: boolean): string[] {
  const all = [policies.standard, ...policies.overrides.values()];
  return [...blindPolicies(all, knowsAses), ...unusedOptions(config, policies, all)];
}

function blindPolicies(all: readonly Policy[], knowsAses: boolean): string[] {
  const heedful = new Set(all.map(({ name }) => name).filter((name) => name !== "bittorrent"));
  if (heedful.size === 0) {
    return knowsAses
      ? [
          "policy bittorrent pays no heed to the sites that you named: --policy coordinated, the default, does",
        ]
      : [];
  }
  if (knowsAses) return [];
  return [
    `policy ${[...heedful].join(", ")} does nothing: no AS is known, for there is neither as-prefix nor as-table nor route-db`,
  ];
}

function unusedOptions(config: TrackerConfig, policies: Policies, all: readonly Policy[]): string[] {
  const said: [Option, boolean][] = [
    ["ranges", config.ranges !== DEFAULT_RANGES],
    ["hand-out", config["hand-out"] !== "random"],
    ["external-percent", config["external-percent"] !== DEFAULT_EXTERNAL_PERCENT],
    ["fetchers", config.fetchers !== DEFAULT_FETCHERS],
    ["relief", config.relief !== DEFAULT_RELIEF],
  ];
  const inVain = said.filter(([option, isSaid]) => isSaid && !all.some((policy) => uses(policy, option)));
  const ofAll = inVain.map(([option]) => `${option} has no effect under policy ${config.policy}`);
  const ofSwarms = Object.entries(config.swarms).flatMap(([key, swarm]) => {
    const policy = policies.overrides.get(key.toLowerCase() as InfoHash);
    const options = Object.keys(swarm).filter((option) => option !== "policy") as Option[];
    return options.flatMap((option) =>
      !policy || uses(policy, option)
        ? []
        : [`swarms.${key}: ${option} has no effect under policy ${policy.name}`],
    );
  });
  return [...ofAll, ...ofSwarms];
}

function uses(policy: Policy, option: Option): boolean {
  switch (option) {
    case "ranges":
      return policy.name === "multi";
    case "hand-out":
      return policy.name === "cache" || policy.name === "multi";
    case "leader-percent":
      return hasLeaders(policy);
    case "fetchers":
    case "relief":
      return policy.name === "coordinated";
    case "external-percent":
      return policy.name === "biased" || (hasLeaders(policy) && policy.externalPercent !== undefined);
  }
}
