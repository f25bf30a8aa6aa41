import { type Clock, type Random, systemClock, systemRandom } from "@cachetorrent/clock";
import { defaultPolicy, LIMITS } from "@cachetorrent/protocol";
import { type Logger, pino } from "pino";
import { AccessControl } from "./access-control.ts";
import { type AsResolver, resolverChain } from "./as-resolver/as-resolver.ts";
import type { Policies } from "./policies.ts";
import { AddressSet } from "./prefix.ts";
import type { SavedSwarm } from "./saved-swarm.ts";
import type { StateDirectory } from "./state-directory.ts";
import { MemorySwarmStore, type SwarmStore } from "./swarm-store.ts";

/** What a tracker is made of; everything has a default. */
export interface TrackerOptions {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly log?: Logger;
  readonly policies?: Policies;
  /** Leaders in a hundred candidates, under policies that don't say it. */
  readonly leaderPercent?: number;
  /** An election runs when so many candidates joined, */
  readonly quorum?: number;
  /** or so long after the first one, under policies that don't say it. */
  readonly deadlineMs?: number;
  /** Between two announces of a peer. */
  readonly intervalMs?: number;
  /** Peers of one address, over all swarms. */
  readonly peersPerAddress?: number;
  /** Peers in all swarms. */
  readonly peersInAll?: number;
  /** In which AS an address is; by default nobody knows. */
  readonly resolver?: AsResolver;
  readonly access?: AccessControl;
  /** Whose `X-Forwarded-For` counts. */
  readonly trustedProxies?: AddressSet;
  /** Whose `ip=` parameter counts. */
  readonly trustedNetworks?: AddressSet;
  readonly store?: SwarmStore;
  /** Where elections are saved, and what was found there. */
  readonly state?: StateDirectory;
  readonly saved?: readonly SavedSwarm[];
}

/** `TrackerOptions` with the defaults filled in. */
export type CompleteTrackerOptions = Required<Omit<TrackerOptions, "quorum" | "state">> &
  Pick<TrackerOptions, "quorum" | "state">;

export function completeOptions(options: TrackerOptions): CompleteTrackerOptions {
  const random = options.random ?? systemRandom;
  const { leaderPercent, deadlineMs } = { ...LIMITS.election, ...options };
  return {
    clock: systemClock,
    random,
    log: pino({ level: "silent" }),
    policies: { standard: defaultPolicy({ leaderPercent, deadlineMs }), overrides: new Map() },
    leaderPercent,
    deadlineMs,
    intervalMs: LIMITS.tracker.intervalMs,
    peersPerAddress: LIMITS.tracker.peersPerAddress,
    peersInAll: LIMITS.tracker.peersInAll,
    resolver: resolverChain([]),
    access: new AccessControl(),
    trustedProxies: new AddressSet(),
    trustedNetworks: new AddressSet(),
    store: options.store ?? new MemorySwarmStore(random),
    saved: [],
    ...options,
  };
}
