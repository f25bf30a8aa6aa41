import { type Asn, CtError } from "@cachetorrent/protocol";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { STOCK_CLIENTS, type StockClientName } from "../scenario/schema.ts";
import { type PlannedPeer, planTopology, presentAfterArrivals } from "../topology.ts";
import { COMPOSE_ASES_MOST, hostOf } from "./addresses.ts";
import { crowdedAs } from "./compose-room.ts";

/** What runs in containers for one cell. */
export interface ComposePlan {
  /** In the scenario's order; `place` from 1 is what services and addresses are called by. */
  readonly ases: readonly ComposeAs[];
  /** As on loopback, at the addresses of the containers' networks. Their names are those of their services. */
  readonly peers: readonly PlannedPeer[];
  readonly stock: readonly PlannedStock[];
  /** So many candidates are there once all have joined that join at the start. */
  readonly quorum: number;
}

export interface ComposeAs {
  readonly place: number;
  readonly asn: Asn;
  readonly name: string;
  /** Bytes/s, Infinity for no limit. */
  readonly linkIn: number;
  readonly linkOut: number;
}

/** A client that is not ours. */
export interface PlannedStock {
  /** `aria2-2-1`: the first of the second AS. Its service's name, too. */
  readonly name: string;
  readonly client: StockClientName;
  readonly asn: Asn;
  readonly place: number;
  readonly address: string;
  readonly up: number;
  readonly down: number;
}

/** Throws CT_ERR_USAGE for what containers have no room for, or no time. */
export function checkForCompose(scenario: Scenario): void {
  const refuse = (why: string): never => {
    throw new CtError("CT_ERR_USAGE", `${scenario.name} ${why}`);
  };
  if (scenario.timeScale !== 1) {
    refuse(
      `has time-scale ${scenario.timeScale}: containers run in real time. Run it --on loopback, or write time-scale: 1`,
    );
  }
  const { ases } = scenario;
  if (ases.length > COMPOSE_ASES_MOST)
    refuse(`has ${ases.length} ASes: at most ${COMPOSE_ASES_MOST} have a network of containers`);
  const crowded = crowdedAs(scenario);
  if (crowded) refuse(`has ${crowded.why}`);
}

export function planCompose(scenario: Scenario, cell: Omit<Cell, "policy">): ComposePlan {
  checkForCompose(scenario);
  const placeOf = new Map(scenario.ases.map(({ asn }, i) => [asn, i + 1]));
  const hosts = new Map<Asn, number>();
  const nextHost = (asn: Asn) => {
    const host = (hosts.get(asn) ?? 0) + 1;
    hosts.set(asn, host);
    return hostOf(placeOf.get(asn) ?? 0, host);
  };
  const peers = planTopology(scenario, cell).peers.map((peer) => ({ ...peer, address: nextHost(peer.asn) }));
  const stock = scenario.ases.flatMap(({ asn, down, stock: counts = {}, up }, i) =>
    STOCK_CLIENTS.flatMap((client) =>
      Array.from(
        { length: counts[client] ?? 0 },
        (_, n): PlannedStock => ({
          name: `${client}-${i + 1}-${n + 1}`,
          client,
          asn,
          place: i + 1,
          address: nextHost(asn),
          up,
          down,
        }),
      ),
    ),
  );
  return {
    ases: scenario.ases.map(({ asn, linkIn, linkOut, name }, i) => ({
      place: i + 1,
      asn,
      name,
      linkIn,
      linkOut,
    })),
    peers,
    stock,
    quorum: presentAfterArrivals(peers, cell.variant),
  };
}
