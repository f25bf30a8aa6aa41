import { receivedFromOutside } from "./crossed.ts";
import { isDone } from "./pairing.ts";
import type { CellResult, StockRecord, TestbedReport } from "./results.ts";
import { isOf, policiesOf, variantsOf } from "./summary.ts";

/** The stock clients of an AS under one policy and variant, and what they cost beside our peers: means of the cells that are done. */
export interface StockRow {
  readonly policy: string;
  readonly variant: string;
  readonly as: string;
  /** `1 aria2, 2 transmission`. */
  readonly clients: string;
  readonly count: number;
  readonly completed: number;
  /** From the start of each to its end, of the slowest; null where none was complete. */
  readonly lastMs: number | null;
  /** From other ASes, all clients together, and all our peers of the AS together. */
  readonly bytes: number;
  readonly ourBytes: number;
  readonly ourPeers: number;
}

export function stockRows(report: TestbedReport): StockRow[] {
  return variantsOf(report).flatMap((variant) =>
    policiesOf(report).flatMap((policy) => {
      const cells = report.cells.filter((cell) => isOf(cell, policy, variant) && isDone(cell));
      return report.ases.flatMap((_, as) => rowOf(report, cells, as, policy.label, variant) ?? []);
    }),
  );
}

function rowOf(
  report: TestbedReport,
  cells: readonly CellResult[],
  index: number,
  policy: string,
  variant: string,
): StockRow | undefined {
  const as = report.ases[index];
  const stockOf = (cell: CellResult) => (cell.stock ?? []).filter(({ asn }) => asn === as?.asn);
  const [first] = cells;
  if (!as || !first || stockOf(first).length === 0) return undefined;
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const last = cells.flatMap((cell) => {
    const times = stockOf(cell).flatMap(({ ms }) => ms ?? []);
    return times.length > 0 ? Math.max(...times) : [];
  });
  const bytesOf = (cell: CellResult) => cell.stockCrossings?.find(({ asn }) => asn === as.asn)?.bytes ?? 0;
  return {
    policy,
    variant,
    as: as.name,
    clients: clientsOf(stockOf(first)),
    count: stockOf(first).length,
    completed: mean(cells.map((cell) => stockOf(cell).filter((one) => one.completed).length)),
    lastMs: last.length > 0 ? mean(last) : null,
    bytes: mean(cells.map(bytesOf)),
    ourBytes: mean(cells.map((cell) => receivedFromOutside(cell, index))),
    ourPeers: as.peers,
  };
}

function clientsOf(stock: readonly StockRecord[]): string {
  const kinds = [...new Set(stock.map(({ client }) => client))];
  return kinds.map((kind) => `${stock.filter(({ client }) => client === kind).length} ${kind}`).join(", ");
}
