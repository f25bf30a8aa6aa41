import { html, type Markup } from "./markup.ts";

export type Cell = string | number | Markup;

/** A table of plain rows, the first cell of each its heading. Texts stand to the left, numbers to the right. */
export function listTable(
  id: string,
  label: string,
  heads: readonly string[],
  lines: readonly (readonly Cell[])[],
): Markup {
  const kinds = heads.map((_, i) => (typeof lines[0]?.[i] === "number" ? "number" : "text"));
  const body = lines.map(([first = "", ...others]) => {
    const cells = others.map((cell, i) => html`<td class="${kinds[i + 1] ?? "text"}">${cell}</td>`);
    return html`<tr><th scope="row">${first}</th>${cells}</tr>\n`;
  });
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table id="${id}">
<thead><tr>${heads.map((head, i) => html`<th scope="col" class="${kinds[i] ?? "text"}">${head}</th>`)}</tr></thead>
<tbody>${body}</tbody></table></div>`;
}
