export { renderCsv } from "./csv.ts";
export { headlines } from "./headline.ts";
export { renderHtml } from "./html.ts";
export type {
  CellResult,
  ReportedAs,
  ReportedPolicy,
  TestbedReport,
} from "./results.ts";
export type { Spread } from "./spread.ts";
export { type SummaryRow, summarise } from "./summary.ts";
export { renderTable } from "./text-table.ts";
export { writeReport } from "./write-report.ts";
