import { percentile } from "../percentile.ts";

/** One figure over the repetitions of a cell. */
export interface Spread {
  readonly mean: number;
  /** Of an even number of repetitions the mean of the two in the middle. */
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** How many repetitions have the figure. */
  readonly count: number;
}

/** Null where no repetition has the figure: what was not measured counts as nothing, not as 0. */
export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const measured = values.filter((value) => value !== null);
  if (measured.length === 0) return null;
  return {
    mean: measured.reduce((sum, value) => sum + value, 0) / measured.length,
    median: medianOf(measured),
    min: Math.min(...measured),
    max: Math.max(...measured),
    count: measured.length,
  };
}

function medianOf(values: readonly number[]): number {
  const lower = percentile(values, 50) ?? 0;
  const upper = -(
    percentile(
      values.map((value) => -value),
      50,
    ) ?? 0
  );
  return (lower + upper) / 2;
}
