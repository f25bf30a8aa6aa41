import type { CellResult } from "../report/results.ts";
import type { Cell, Scenario } from "./scenario.ts";

/** Which of a scenario's cells are meant. */
export interface Choice {
  /** Labels of policies; absent for all. */
  readonly only?: readonly string[];
  /** Absent for as many as the scenario says. */
  readonly repetitions?: number;
}

/** The chosen cells, and all that the scenario or the choice names, in the order in which they are run. */
export function cellsChosen(
  scenario: Scenario,
  { only, repetitions = scenario.repetitions }: Choice,
): { readonly chosen: readonly Cell[]; readonly all: readonly Cell[] } {
  const all = cellsOf({ ...scenario, repetitions: Math.max(repetitions, scenario.repetitions) });
  const chosen = all.filter(
    ({ policy, repetition }) => repetition <= repetitions && (only?.includes(policy.label) ?? true),
  );
  return { chosen, all };
}

/** The choice, or the least beyond it that all of these cells are in. */
export function widened(scenario: Scenario, choice: Choice, cells: readonly Cell[]): Choice {
  const labels = scenario.policies.map(({ label }) => label);
  const only = labels.filter(
    (label) => (choice.only?.includes(label) ?? true) || cells.some(({ policy }) => policy.label === label),
  );
  const repetitions = Math.max(
    choice.repetitions ?? scenario.repetitions,
    ...cells.map(({ repetition }) => repetition),
  );
  return {
    ...(only.length < labels.length ? { only } : {}),
    ...(repetitions === scenario.repetitions ? {} : { repetitions }),
  };
}

/** All runs of a scenario. Those of one repetition and variant follow each other, so that policies are compared side by side. */
export function cellsOf(scenario: Scenario): Cell[] {
  const cells: Cell[] = [];
  for (let repetition = 1; repetition <= scenario.repetitions; repetition++) {
    for (const variant of scenario.variants) {
      for (const policy of scenario.policies) cells.push({ policy, variant, repetition });
    }
  }
  return cells;
}

/** `coordinated, seed 4x, 2 of 3`. */
export function cellLabel({ policy, variant, repetition }: Cell | CellResult, repetitions: number): string {
  const name = typeof variant === "string" ? variant : variant.name;
  return [policy.label, ...(name ? [name] : []), `${repetition} of ${repetitions}`].join(", ");
}
