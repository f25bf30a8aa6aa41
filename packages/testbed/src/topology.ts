import { type Random, randomBelow, sample, seededRandom } from "@cachetorrent/clock";
import type { Address, Asn } from "@cachetorrent/protocol";
import { peerName } from "./scenario/faults.ts";
import type { Cell, Scenario, ScenarioVariant } from "./scenario/scenario.ts";

/** One peer of a run, as planned from the scenario and its random seed. Times are ms after the start of the swarm. */
export interface PlannedPeer {
  /** Its place in the plan. */
  readonly id: number;
  /** `peer-2-3` is the third peer of the second AS, `seed-1-1` the first initial seed of the first. */
  readonly name: string;
  readonly asn: Asn;
  readonly address: Address;
  readonly isInitialSeed: boolean;
  /** Bytes/s; Infinity for no limit. */
  readonly up: number;
  readonly down: number;
  readonly joinsAtMs: number;
  readonly leaves: "never" | "complete" | { readonly atMs: number };
}

export interface Topology {
  readonly peers: readonly PlannedPeer[];
  /** Of ASes in the scenario's order. */
  readonly prefixes: readonly string[];
}

/** The loopback prefix of the scenario's nth AS, from 0; 127.0.0.0/16 is the tracker's. */
export function loopbackPrefix(asIndex: number): string {
  return `127.${asIndex + 1}.0.0/16`;
}

/** The place of the AS whose loopback prefix the address is in. */
export function asIndexOf(address: Address): number {
  return Number(address.slice(4, address.indexOf(".", 4))) - 1;
}

/** The same peers, in the same order, for the same scenario, variant and repetition, whatever the policy. */
export function planTopology(scenario: Scenario, { repetition, variant }: Omit<Cell, "policy">): Topology {
  const random = seededRandom(cellSeed(scenario, repetition));
  const hosts = scenario.ases.map(() => 0);
  const peers: PlannedPeer[] = [];
  const add = (asIndex: number, peer: Omit<PlannedPeer, "id" | "asn" | "address">): void => {
    const host = (hosts[asIndex] ?? 0) + 1;
    hosts[asIndex] = host;
    const address = `127.${asIndex + 1}.${host >> 8}.${host & 0xff}` as Address;
    peers.push({ id: peers.length, asn: (scenario.ases[asIndex]?.asn ?? 0) as Asn, address, ...peer });
  };
  const { seeds } = variant;
  const seedAs = scenario.ases.findIndex((one) => one.asn === seeds.asn);
  for (let i = 0; i < seeds.count; i++) {
    add(seedAs, {
      name: peerName("seed", seedAs + 1, i + 1),
      isInitialSeed: true,
      up: seeds.up,
      down: Number.POSITIVE_INFINITY,
      joinsAtMs: 0,
      leaves: "never",
    });
  }
  scenario.ases.forEach((one, asIndex) => {
    for (let i = 0; i < one.peers; i++) {
      add(asIndex, {
        name: peerName("peer", asIndex + 1, i + 1),
        isInitialSeed: false,
        up: one.up,
        down: one.down,
        joinsAtMs: 0,
        leaves: "never",
      });
    }
  });
  return {
    peers: withFates(peers, variant, random),
    prefixes: scenario.ases.map((_, i) => loopbackPrefix(i)),
  };
}

/**
 * How many there are at the end of the arrivals, for an election to wait for. Who leaves before that may be gone by then, or never
 * come: a count that has it might never be reached.
 */
export function presentAfterArrivals(peers: readonly PlannedPeer[], { arrivals }: ScenarioVariant): number {
  return peers.filter(
    ({ joinsAtMs, leaves }) =>
      joinsAtMs <= arrivals.spreadMs && !(typeof leaves === "object" && leaves.atMs <= arrivals.spreadMs),
  ).length;
}

/** Of all random numbers of a repetition. */
export function cellSeed(scenario: Scenario, repetition: number): number {
  return scenario.seed * 1000 + repetition;
}

/** Who is slow, late, or leaves: drawn independently of each other. */
function withFates(peers: readonly PlannedPeer[], variant: ScenarioVariant, random: Random): PlannedPeer[] {
  const { arrivals, departures, slow } = variant;
  const leechers = peers.filter((peer) => !peer.isInitialSeed).map((peer) => peer.id);
  const share = (of: number) => new Set(sample(leechers, Math.round(of * leechers.length), random));
  const slowOnes = share(slow.share);
  const lateOnes = share(arrivals.lateShare);
  const leavers = share(departures.share);
  return peers.map((peer): PlannedPeer => {
    if (peer.isInitialSeed) return peer;
    const joinsAtMs = randomBelow(
      random,
      (lateOnes.has(peer.id) ? arrivals.lateByMs : arrivals.spreadMs) + 1,
    );
    const leavesAtMs = randomBelow(random, departures.withinMs + 1);
    const leaves = departures.when === "complete" ? "complete" : { atMs: leavesAtMs };
    return {
      ...peer,
      up: slowOnes.has(peer.id) ? Math.max(1, Math.round(peer.up * slow.factor)) : peer.up,
      joinsAtMs,
      leaves: leavers.has(peer.id) ? leaves : "never",
    };
  });
}
