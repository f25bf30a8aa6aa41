import { readFile } from "node:fs/promises";
import { CtError, LIMITS } from "@cachetorrent/protocol";
import type { Cell, Scenario, ScenarioPolicy } from "./scenario/scenario.ts";
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
  { policy, repetition, variant }: Cell,
  processes: number,
): number {
  const { peers } = planTopology(scenario, { variant, repetition });
  const connections = Math.min(variant.connections, peers.length - 1);
  return (
    FILES_BESIDES + Math.ceil(peers.length / processes) * (connections + indirectOf(policy) + FILES_A_PEER)
  );
}

/** Of each peer, both ends of what leaders open for it: it may name destinations to the leaders of each range. */
function indirectOf({ fetchers, name, ranges = 2 }: ScenarioPolicy): number {
  const { destinationsPerFollower } = LIMITS.cache;
  if (name === "multi") return 2 * destinationsPerFollower * ranges;
  return name === "cache" || fetchers === "leaders" ? 2 * destinationsPerFollower : 0;
}

/** The most that a process may open, by the text of `/proc/self/limits`; undefined where it does not say. */
export function openFilesLimit(limits: string): number | undefined {
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (soft === undefined) return undefined;
  return soft === "unlimited" ? Number.POSITIVE_INFINITY : Number(soft);
}

export interface Hosting {
  /** How many cells share a process. */
  readonly cellsInOne: number;
  readonly processes: number;
  /** Could the peers of a cell be dealt out to more of them? */
  readonly isDealtOut: boolean;
  /** Somebody wants so many, and no more. */
  readonly isFixed: boolean;
}

/**
 * How many processes are to host a cell: as many as given, or as many more as it takes so that each may open what it may need. A swarm that
 * runs out of files is another experiment: peers lose their heads and their tracker. Throws CT_ERR_TESTBED, with what to do, where there may
 * be no more of them, or they would not help. Where there is no /proc nothing is known, and nothing thrown.
 */
export async function processesFor(
  scenario: Scenario,
  cells: readonly Cell[],
  { cellsInOne, isDealtOut, isFixed, processes }: Hosting,
): Promise<number> {
  const limits = await readFile("/proc/self/limits", "utf8").catch(() => ""); // no Linux
  const most = openFilesLimit(limits);
  const needed = (processes: number) =>
    cellsInOne * Math.max(0, ...cells.map((cell) => openFilesOf(scenario, cell, processes)));
  if (most === undefined || needed(processes) <= most) return processes;
  const enough = isDealtOut ? fewestProcesses(needed, most) : undefined;
  if (enough !== undefined && !isFixed) return enough;
  const workers = enough === undefined ? "" : `, with --workers ${enough}`;
  throw new CtError(
    "CT_ERR_TESTBED",
    `${scenario.name} may need ${needed(processes)} open files at a time, and a process may open ${most}: run it after "ulimit -n ${needed(processes)}"${workers}, or with fewer peers, connections or cells at once`,
  );
}

/** Among how many processes a cell must be dealt out, so that none needs more than it may open; undefined where 64 are not enough. */
function fewestProcesses(needed: (processes: number) => number, most: number): number | undefined {
  for (let processes = 1; processes <= 64; processes++) if (needed(processes) <= most) return processes;
  return undefined;
}
