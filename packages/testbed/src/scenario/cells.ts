import type { CellResult } from "../report/results.ts";
import type { Cell, Scenario } from "./scenario.ts";

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
