export { renderCsv } from "./csv.ts";
export { headlines } from "./headline.ts";
export { renderHtml } from "./html.ts";
export type {
  BorderCounters,
  CellResult,
  FaultRecord,
  ReportedAs,
  ReportedPolicy,
  StockRecord,
  TestbedReport,
} from "./results.ts";
export type { Spread } from "./spread.ts";
export { type SummaryRow, summarise } from "./summary.ts";
export { renderTable } from "./text-table.ts";
export { writeReport } from "./write-report.ts";
