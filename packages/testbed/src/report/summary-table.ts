import { type Column, marksOf } from "./columns.ts";
import { html, type Markup } from "./markup.ts";
import type { TestbedReport } from "./results.ts";
import { type SummaryRow, variantsOf } from "./summary.ts";

/** A row for each policy, a body for each variant. It scrolls within itself where the screen is narrow. */
export function summaryTable(
  report: TestbedReport,
  rows: readonly SummaryRow[],
  columns: readonly Column[],
  id: string,
  caption: string,
): Markup {
  const bodies = variantsOf(report).map((variant) => {
    const own = rows.filter((row) => row.variant === variant);
    const heading = html`<tr class="variant"><th scope="rowgroup" colspan="${columns.length + 1}"><span>${variant}</span></th></tr>`;
    return html`<tbody>${variant === "" ? "" : heading}${own.map((row) => rowOf(row, columns, report))}</tbody>`;
  });
  return html`<p>${caption}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table id="${id}">
<thead><tr><th scope="col">policy</th>${columns.map(headOf)}</tr></thead>
${bodies}</table></div>`;
}

function headOf({ title, unit, about }: Column): Markup {
  return html`<th scope="col" title="${about}">${title}${unit === undefined ? "" : html`<small>${unit}</small>`}</th>`;
}

function rowOf(row: SummaryRow, columns: readonly Column[], report: TestbedReport): Markup {
  const policy = [...new Set(report.cells.map((cell) => cell.policy.label))].indexOf(row.policy.label);
  const marks = marksOf(row).map((mark) => html`<a class="mark" href="#marks">${mark}</a>`);
  const cells = columns.map((column) => {
    const { value, range } = column.figure(row);
    return html`<td>${value}${range === "" ? "" : html`<small>${range}</small>`}</td>`;
  });
  return html`<tr data-policy="${row.policy.label}" data-variant="${row.variant}"><th scope="row"><svg class="key" data-key="${policy}" width="26" height="10" aria-hidden="true"></svg>${row.policy.label}${marks}</th>${cells}</tr>\n`;
}
