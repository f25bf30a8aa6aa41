import { cellsOf } from "../../src/scenario/cells.ts";
import type { Cell, Scenario } from "../../src/scenario/scenario.ts";
import { scenario } from "../support/scenarios.ts";

/** Two ASes with a border each, one of them with stock clients, and the seed's own. */
export function composeScenario(keys: Readonly<Record<string, string>> = {}): Scenario {
  return scenario({
    name: "two.sites",
    ases: `
  - { asn: 64501, name: north, peers: 2, up: 500kB/s, down: 2MB/s, link-in: 20Mbit/s, link-out: 1Mbit/s }
  - { asn: 64502, name: south, peers: 1, up: 250kB/s, stock: { aria2: 1, transmission: 1 } }`,
    policies: "[{ name: bittorrent }, { name: coordinated, leader-percent: 25 }]",
    ...keys,
  });
}

export function cellOf(read: Scenario, policy = "coordinated"): Cell {
  const cell = cellsOf(read).find((one) => one.policy.name === policy);
  if (!cell) throw new Error(`no cell of ${policy}`);
  return cell;
}
