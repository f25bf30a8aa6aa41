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

/**
 * How many files one of the `processes` that the peers of a cell are dealt out to may have open at a time: its peers' ends of their
 * connections, and what else they need.
 */
export function openFilesOf(
  scenario: Scenario,
  { repetition, variant }: Pick<Cell, "repetition" | "variant">,
  processes: number,
): number {
  const { peers } = planTopology(scenario, { variant, repetition });
  const connections = Math.min(variant.connections, peers.length - 1);
  return FILES_BESIDES + Math.ceil(peers.length / processes) * (connections + FILES_A_PEER);
}

/** The most that a process may open, by the text of `/proc/self/limits`; undefined where it does not say. */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

/**
 * A swarm that runs out of files is another experiment: peers lose their heads and their tracker. Throws CT_ERR_TESTBED, with what
 * to do, when a process may not open as many as the cells may need. Where there is no /proc nothing is known, and nothing thrown.
 */
export async function checkOpenFiles(
  scenario: Scenario,
  cells: readonly Cell[],
  { cellsInOne, processes }: { readonly cellsInOne: number; readonly processes: number },
): Promise<void> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => ""); // no Linux
  const most = openFilesLimit(limits);
  const needed = cellsInOne * Math.max(0, ...cells.map((cell) => openFilesOf(scenario, cell, processes)));
  if (most === undefined || needed <= most) return;
  throw new CtError(
    "CT_ERR_TESTBED",
    `${scenario.name} may need ${needed} open files at a time, and a process may open ${most}: run it after "ulimit -n ${needed}", or with fewer peers, connections or cells at once`,
  );
}
