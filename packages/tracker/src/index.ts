export { AccessControl, type AccessLists } from "./access-control.ts";
export { buildTracker } from "./app.ts";
export { type AsResolver, resolverChain } from "./as-resolver/as-resolver.ts";
export { PrefixTable } from "./as-resolver/prefix-table.ts";
export { type TrackerConfig, TrackerConfigSchema } from "./config.ts";
export type { Asker, HandOutPolicy } from "./hand-out/hand-out-policy.ts";
export { handOutPolicy } from "./hand-out/policies.ts";
export { type RunningTracker, startTracker } from "./main.ts";
export type { TrackerOptions } from "./options.ts";
export { trackerPlugin } from "./plugin.ts";
export type { Policies } from "./policies.ts";
export { AddressSet, type Prefix, PrefixMap, parsePrefix } from "./prefix.ts";
export type { ElectorateStats, LeaderStats, PayloadStats, SwarmStats, TrackerStats } from "./stats.ts";
export {
  endpointFor,
  type Registration,
  Swarm,
  type SwarmMember,
  type SwarmPeer,
  type SwarmView,
} from "./swarm.ts";
export { MemorySwarmStore, type SwarmStore } from "./swarm-store.ts";
