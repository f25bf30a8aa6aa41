import { type Column, DETAIL_COLUMNS, MAIN_COLUMNS, marksOf, shownColumns } from "./columns.ts";
import { headlines } from "./headline.ts";
import { formatCount, formatSeconds, formatTimes, NOTHING } from "./quantities.ts";
import type { TestbedReport } from "./results.ts";
import { stockRows } from "./stock-rows.ts";
import { type SummaryRow, summarise } from "./summary.ts";

/** So many that a line fits a wide terminal. The page has them all, with their spread. */
const SHOWN = [
  "redundancy",
  "worst AS",
  "external",
  "borders",
  "borders ÷ external",
  "p50",
  "p90",
  "max",
  "p50 ÷ BitTorrent",
  "p90 ÷ BitTorrent",
];
const SHOWN_DETAILS = ["p90 ÷ bound", "escapes", "claims expired", "complete"];
const SHORT: Readonly<Record<string, string>> = {
  "borders ÷ external": "÷external",
  "p50 ÷ BitTorrent": "÷BT p50",
  "p90 ÷ BitTorrent": "÷BT p90",
  "p90 ÷ bound": "÷bound",
  "claims expired": "expired",
};

/** The sentence that matters and the means of all repetitions, for a terminal; control characters are taken out. */
export function renderTable(report: TestbedReport): string {
  const columns = [
    ...shownColumns(MAIN_COLUMNS, report).filter((column) => SHOWN.includes(column.title)),
    ...DETAIL_COLUMNS.filter((column) => SHOWN_DETAILS.includes(column.title)),
  ];
  const rows = summarise(report);
  const hasVariants = rows.some((row) => row.variant !== "");
  const lines = [
    [...(hasVariants ? ["variant"] : []), "policy", ...columns.map(titleOf), ""],
    ...rows.map((row) => [
      ...(hasVariants ? [row.variant] : []),
      row.policy.label,
      ...columns.map((column) => column.figure(row).value),
      notes(row),
    ]),
  ];
  const partial = report.isPartial ? ["This run is partial: not all cells ran to their end."] : [];
  const table = aligned(lines, hasVariants ? 2 : 1);
  const text = [...headlines(report), ...partial, "", ...table, ...stockLines(report, hasVariants)];
  return `${text.map(printable).join("\n")}\n`;
}

/** The stock clients of each AS, below the table; nothing where there are none. */
function stockLines(report: TestbedReport, hasVariants: boolean): string[] {
  const rows = stockRows(report);
  if (rows.length === 0) return [];
  const copies = (bytes: number, hosts: number) =>
    hosts > 0 ? formatTimes(bytes / hosts / report.contentBytes) : NOTHING;
  const lines = rows.map((row) => [
    ...(hasVariants ? [row.variant] : []),
    row.policy,
    row.as,
    row.clients,
    `${formatCount(row.completed)}/${row.count}`,
    row.lastMs === null ? NOTHING : formatSeconds(row.lastMs),
    copies(row.bytes, row.count),
    copies(row.ourBytes, row.ourPeers),
    "",
  ]);
  const names = [...(hasVariants ? ["variant"] : []), "policy", "AS", "stock clients"];
  const head = [...names, "complete", "last s", "external copies each", "our peers'", ""];
  return ["", ...aligned([head, ...lines], names.length)];
}

function titleOf({ title, unit }: Column): string {
  return (SHORT[title] ?? title) + (unit === undefined || unit === "×" || unit === "peers" ? "" : ` ${unit}`);
}

function notes(row: SummaryRow): string {
  return marksOf(row).join(", ");
}

/** The first `names` columns and the last, the marks, to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[], names: number): string[] {
  const last = (rows[0]?.length ?? 0) - 1;
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0))) ?? [];
  return rows.map((row) =>
    row
      .map((cell, i) =>
        i < names || i === last ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** A scenario's names go to the terminal, which must not obey them. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "·");
}
