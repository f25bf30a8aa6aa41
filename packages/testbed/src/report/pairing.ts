import type { CellResult } from "./results.ts";

/** The figures of this cell may stand in a mean: it ran to its end. */
export function isDone(cell: CellResult): boolean {
  return cell.state === "done";
}

/**
 * BitTorrent's cell of the same variant and repetition, hence of the same random numbers; undefined where it did not run to
 * its end. Only times of one such pair are divided: those of two repetitions differ by more than their policies.
 */
export function bitTorrentOf(cell: CellResult, cells: readonly CellResult[]): CellResult | undefined {
  return cells.find(
    (other) =>
      other.policy.name === "bittorrent" &&
      other.variant === cell.variant &&
      other.repetition === cell.repetition &&
      isDone(other),
  );
}

/** Null where one of them was not measured, or there is nothing to divide by. */
export function ratio(value: number | null | undefined, by: number | null | undefined): number | null {
  if (value === null || value === undefined || by === null || by === undefined || by <= 0) return null;
  return value / by;
}
