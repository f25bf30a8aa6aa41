import { readFile } from "node:fs/promises";
import { CtError } from "@cachetorrent/protocol";
import type { Cell, Scenario } from "./scenario/scenario.ts";
import { planTopology } from "./topology.ts";

/**
 * Of each peer beside its connections: its listener, both ends of its poll of the tracker, its share of those that heads let in
 * beyond their number, and some that are being opened or closed.
 */
const FILES_A_PEER = 8;
/** What the program itself has open. */
const FILES_BESIDES = 200;

/** How many files the peers of a cell may have open at a time, all in this process: both ends of each connection. */
export function openFilesOf(
  scenario: Scenario,
  { repetition, variant }: Pick<Cell, "repetition" | "variant">,
): number {
  const { peers } = planTopology(scenario, { variant, repetition });
  const connections = Math.min(variant.connections, peers.length - 1);
  return FILES_BESIDES + peers.length * (connections + FILES_A_PEER);
}

/** The most that this process may open, by the text of `/proc/self/limits`; undefined where it does not say. */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/**
 * A swarm that runs out of files is another experiment: peers lose their heads and their tracker. Throws CT_ERR_TESTBED, with what
 * to do, when this process may not open as many as the cells may need. Where there is no /proc nothing is known, and nothing thrown.
 */
export async function checkOpenFiles(scenario: Scenario, cells: readonly Cell[]): Promise<void> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => ""); // no Linux
  const most = openFilesLimit(limits);
  const needed = Math.max(0, ...cells.map((cell) => openFilesOf(scenario, cell)));
  if (most === undefined || needed <= most) return;
  throw new CtError(
    "CT_ERR_TESTBED",
    `${scenario.name} may need ${needed} open files at a time, and this process may open ${most}: run it after "ulimit -n ${needed}", or with fewer peers or connections`,
  );
}
