import { receivedFromOutside, sentOutside } from "./crossed.ts";
import { isDone } from "./pairing.ts";
import type { CellResult, TestbedReport } from "./results.ts";
import { isOf, policiesOf, variantsOf } from "./summary.ts";

/** An AS under one policy and variant, as its peers' ledgers and its border have it: bytes, means of the cells that are done and have borders. */
export interface BorderRow {
  readonly policy: string;
  readonly variant: string;
  readonly as: string;
  readonly ledgerIn: number;
  readonly borderIn: number;
  readonly ledgerOut: number;
  readonly borderOut: number;
}

export function borderRows(report: TestbedReport): BorderRow[] {
  return variantsOf(report).flatMap((variant) =>
    policiesOf(report).flatMap((policy) => {
      const cells = report.cells.filter(
        (cell) => isOf(cell, policy, variant) && isDone(cell) && cell.borders,
      );
      if (cells.length === 0) return [];
      const mean = (of: (cell: CellResult) => number) =>
        cells.reduce((sum, cell) => sum + of(cell), 0) / cells.length;
      return report.ases.map(
        ({ name }, i): BorderRow => ({
          policy: policy.label,
          variant,
          as: name,
          ledgerIn: mean((cell) => receivedFromOutside(cell, i)),
          borderIn: mean((cell) => cell.borders?.inByAs[i]?.at(-1) ?? 0),
          ledgerOut: mean((cell) => sentOutside(cell, i)),
          borderOut: mean((cell) => cell.borders?.outByAs[i]?.at(-1) ?? 0),
        }),
      );
    }),
  );
}
