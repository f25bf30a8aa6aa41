import { borderRows } from "./border-rows.ts";
import { listTable } from "./list-table.ts";
import { html, type Markup } from "./markup.ts";
import {
  formatCount,
  formatMebibytes,
  formatRatio,
  formatSeconds,
  formatTimes,
  NOTHING,
} from "./quantities.ts";
import type { TestbedReport } from "./results.ts";
import { stockRows } from "./stock-rows.ts";

// What only a run over real borders has; each table is nothing where the report has nothing for it.

/** Longer tables are opened by who wants to read them. */
const MOST_OPEN = 12;

/** Ledger and border of each AS, side by side. */
export function bordersTable(report: TestbedReport): Markup {
  const rows = borderRows(report);
  if (rows.length === 0) return html``;
  const ratio = (border: number, ledger: number) => (ledger > 0 ? formatRatio(border / ledger) : NOTHING);
  const heads = [
    "policy",
    "variant",
    "AS",
    "in: ledger, MiB",
    "in: border, MiB",
    "in: border ÷ ledger",
    "out: ledger, MiB",
    "out: border, MiB",
    "out: border ÷ ledger",
  ];
  const lines = rows.map((row) => [
    row.policy,
    row.variant,
    row.as,
    formatMebibytes(row.ledgerIn),
    formatMebibytes(row.borderIn),
    ratio(row.borderIn, row.ledgerIn),
    formatMebibytes(row.ledgerOut),
    formatMebibytes(row.borderOut),
    ratio(row.borderOut, row.ledgerOut),
  ]);
  const isShort = lines.length <= MOST_OPEN;
  return html`<details${isShort ? " open" : ""}><summary>Ledger and border of each AS</summary>
<p>Ledgers count payload, as our peers received it. Borders count whole frames, with headers, requests, haves, the tracker's answers and what stock clients
got: a few per cent more, and much more where little crossed or stock clients are.</p>
${listTable("borders", "Ledger and border of each AS", heads, lines)}</details>`;
}

/** Clients that are not ours, beside those that are. */
export function stockTable(report: TestbedReport): Markup {
  const rows = stockRows(report);
  if (rows.length === 0) return html``;
  const heads = [
    "policy",
    "variant",
    "AS",
    "clients",
    "complete",
    "the last, s",
    "external to them, MiB",
    "copies each",
    "external to our peers, MiB",
    "copies each",
  ];
  const copies = (bytes: number, hosts: number) =>
    hosts > 0 ? formatTimes(bytes / hosts / report.contentBytes) : NOTHING;
  const lines = rows.map((row) => [
    row.policy,
    row.variant,
    row.as,
    row.clients,
    `${formatCount(row.completed)}/${row.count}`,
    row.lastMs === null ? NOTHING : formatSeconds(row.lastMs),
    formatMebibytes(row.bytes),
    copies(row.bytes, row.count),
    formatMebibytes(row.ourBytes),
    copies(row.ourBytes, row.ourPeers),
  ]);
  return html`<h2>Stock clients</h2>
<p>What crossed into their AS for them, as far as our peers' ledgers tell, and for our peers beside them; in copies of the content for each host. Means over the repetitions.</p>
${listTable("stock", "Stock clients", heads, lines)}`;
}

/** What was done to the swarms, and when. */
export function faultTimesTable(report: TestbedReport): Markup {
  const lines = report.cells.flatMap((cell) =>
    (cell.faults ?? []).map(({ atMs, healedMs, what, whom }, i) => [
      `${i + 1}`,
      what,
      cell.policy.label,
      cell.variant,
      String(cell.repetition),
      atMs === null ? "not before all were complete" : formatSeconds(atMs),
      healedMs === null ? NOTHING : formatSeconds(healedMs),
      whom.join(", "),
    ]),
  );
  if (lines.length === 0) return html``;
  const heads = ["", "fault", "policy", "variant", "repetition", "at, s", "healed, s", "whom"];
  return html`<details${lines.length <= MOST_OPEN ? " open" : ""}><summary>Faults</summary>
<p>The charts over time have their numbers at the top; a band is the time until it was healed.</p>
${listTable("fault-times", "Faults", heads, lines)}</details>`;
}
