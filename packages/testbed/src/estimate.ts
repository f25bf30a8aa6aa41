import { cellBoundMs } from "./cell-result.ts";
import type { CellResult } from "./report/results.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";

/** A swarm takes about so many times its bound, and starting and ending it takes a while. Both are guesses. */
const TIMES_BOUND = 1.5;
const SETUP_MS = 4000;

/** Real time that a cell may take: as long as those like it did, or else by its bound. */
export function estimateMs(
  scenario: Scenario,
  cell: Cell,
  contentBytes: number,
  done: readonly CellResult[] = [],
): number {
  const alike = done.filter(
    ({ policy, state, variant }) =>
      state === "done" && policy.label === cell.policy.label && variant === cell.variant.name,
  );
  const measured = alike.reduce((sum, { wallMs }) => sum + wallMs, 0) / alike.length;
  if (alike.length > 0) return measured + SETUP_MS;
  const boundMs = Math.min(cellBoundMs(scenario, cell, contentBytes), cell.variant.timeLimitMs);
  const lateMs = cell.variant.arrivals.lateByMs;
  return Math.max(boundMs * TIMES_BOUND, boundMs + lateMs) / scenario.timeScale + SETUP_MS;
}
