import type { CellResult, ReportedPolicy } from "./results.ts";
import { rounded } from "./thin.ts";

/** A fault on the time axis of a chart: seconds since the start. */
export interface FaultMark {
  /** Its place in the scenario, from 1. */
  readonly number: number;
  readonly what: string;
  readonly at: number;
  readonly healed: number | null;
  /** Null: it is the same for all policies of the chart. */
  readonly policy: string | null;
}

/** Those of two policies that are nearer to each other than this are drawn as one. */
const SAME_S = 2;

/** Of one cell, those that came to pass. */
export function faultMarks({ faults = [], policy }: Pick<CellResult, "faults" | "policy">): FaultMark[] {
  return faults.flatMap(({ atMs, healedMs, what }, i) => {
    if (atMs === null) return [];
    const healed = healedMs === null ? null : rounded(healedMs / 1000);
    return { number: i + 1, what, at: rounded(atMs / 1000), healed, policy: policy.label };
  });
}

/** Of a chart with several policies, by the first cell of each: one mark for all where they came at one time, else one for each. */
export function sharedFaultMarks(
  cells: readonly CellResult[],
  policies: readonly ReportedPolicy[],
): FaultMark[] {
  const byPolicy = policies.flatMap(({ label }) => {
    const cell = cells.find((one) => one.policy.label === label && one.faults);
    return cell ? faultMarks(cell) : [];
  });
  const numbers = [...new Set(byPolicy.map(({ number }) => number))].sort((a, b) => a - b);
  return numbers.flatMap((number) => {
    const marks = byPolicy.filter((mark) => mark.number === number);
    const times = marks.map(({ at }) => at);
    const isOne = Math.max(...times) - Math.min(...times) < SAME_S;
    return isOne ? marks.slice(0, 1).map((mark) => ({ ...mark, policy: null })) : marks;
  });
}
