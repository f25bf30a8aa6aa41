import { MAIN_COLUMNS, shownColumns } from "./columns.ts";
import { type Cell, listTable } from "./list-table.ts";
import { html, type Markup } from "./markup.ts";
import type { CellResult, TestbedReport } from "./results.ts";
import { rowOfCell } from "./summary.ts";

/** Each escape is a case to understand, but of hundreds the first ones will do. */
const MOST_ESCAPES = 40;

/** Beside the reason there is room for these; what is compared with another cell would say nothing of one that was ended early. */
const FIGURES = MAIN_COLUMNS.filter(
  ({ title }) => title !== "seedRedundancy" && !title.endsWith("÷ BitTorrent"),
);

/** What is wrong with the cells that are not as they should be, and what each of them measured; nothing where all are right. */
export function faultsTable(report: TestbedReport): Markup {
  const faults = report.cells.filter((cell) => cell.state !== "done" || cell.isMachineLimited);
  if (faults.length === 0) return html``;
  const which = whichOf(report);
  const columns = shownColumns(FIGURES, report);
  const titles = columns.map(({ title, unit }) => (unit === undefined ? title : `${title}, ${unit}`));
  const heads = [...which.heads, "mark", "complete", "why", ...titles];
  const lines = faults.map((cell) => [
    ...which.of(cell),
    html`<span class="mark">${faultsOf(cell).join(", ")}</span>`,
    `${cell.completed}/${cell.peers}`,
    reasonsOf(cell).join("; "),
    ...columns.map(({ figure }) => figure(rowOfCell(cell)).value),
  ]);
  return html`<h2 id="marks">Cells to doubt</h2>
<p>Partial and failed ones are in no mean. The figures of a partial one are what was known when it ended: what had crossed until then, and the times of
those that were complete by then. Under machine-limited ones the event loops of the machine that ran them lagged, or its cores were all busy,
so that it, not the policy, may have set the pace: their figures count, and are marked.</p>
${listTable("faults", "Cells to doubt", heads, lines)}`;
}

/** The first escapes of all cells; nothing where there were none. */
export function escapesTable(report: TestbedReport): Markup {
  const all = report.cells.flatMap((cell) => cell.escapes.map((one) => ({ cell, ...one })));
  if (all.length === 0) return html``;
  const which = whichOf(report);
  const heads = [...which.heads, "at, s", "AS", "peer", "why"];
  const lines = all
    .slice(0, MOST_ESCAPES)
    .map(({ cell, atMs, asn, peer, why }) => [
      ...which.of(cell),
      Math.round(atMs / 100) / 10,
      asn,
      peer,
      why,
    ]);
  const inNoMean = all.filter(({ cell }) => cell.state !== "done").length;
  const title = [
    `Escapes: ${all.length}`,
    ...(inNoMean > 0 ? [`${inNoMean} of them in cells that are in no mean`] : []),
    ...(all.length > MOST_ESCAPES ? [`the first ${MOST_ESCAPES}`] : []),
  ].join(", ");
  return html`<details><summary>${title}</summary>
${listTable("escapes", "Escapes", heads, lines)}</details>`;
}

/** What tells one cell from the others; a scenario without variants has none to tell. */
function whichOf(report: TestbedReport): { heads: string[]; of: (cell: CellResult) => Cell[] } {
  const hasVariants = report.cells.some(({ variant }) => variant !== "");
  return {
    heads: ["policy", ...(hasVariants ? ["variant"] : []), "repetition"],
    of: ({ policy, repetition, variant }) => [policy.label, ...(hasVariants ? [variant] : []), repetition],
  };
}

function faultsOf(cell: CellResult): string[] {
  return [
    ...(cell.state === "done" ? [] : [cell.state]),
    ...(cell.isMachineLimited ? ["machine-limited"] : []),
  ];
}

function reasonsOf(cell: CellResult): string[] {
  const { cpu, eventLoopLagP99Ms } = cell;
  const lag =
    eventLoopLagP99Ms === null
      ? `${cpu?.toFixed(1)} of the machine's cores were busy`
      : `event-loop lag p99 ${Math.round(eventLoopLagP99Ms)} ms`;
  return [...(cell.why === undefined ? [] : [cell.why]), ...(cell.isMachineLimited ? [lag] : [])];
}
