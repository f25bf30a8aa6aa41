import { readFile } from "node:fs/promises";
import { formatRate, formatSize } from "@cachetorrent/protocol";
import { DETAIL_COLUMNS, MAIN_COLUMNS, shownColumns } from "./columns.ts";
import { escapesTable, faultsTable } from "./doubts.ts";
import { type Figures, figuresOf, isCountedFromStart } from "./figures.ts";
import { headlines } from "./headline.ts";
import { listTable } from "./list-table.ts";
import { html, Markup, script, scriptJson } from "./markup.ts";
import { bordersTable, faultTimesTable, stockTable } from "./outside-tables.ts";
import { bundleOf, pageScript } from "./page-script.ts";
import type { TestbedReport } from "./results.ts";
import { summarise, variantsOf } from "./summary.ts";
import { summaryTable } from "./summary-table.ts";

/**
 * One page that needs nothing but itself: style, data, charts and the library that draws them are inside. Its
 * content security policy forbids every request. Without scripts it still has the sentences and the tables.
 */
export async function renderHtml(report: TestbedReport): Promise<string> {
  const [style, print, charts, d3, plot] = await Promise.all([
    readFile(new URL("page/page.css", import.meta.url), "utf8"),
    readFile(new URL("page/print.css", import.meta.url), "utf8"),
    pageScript(),
    bundleOf("d3", "d3.min.js"),
    bundleOf("@observablehq/plot", "plot.umd.min.js"),
  ]);
  const figures = figuresOf(report);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:">
<title>${report.scenario} – CacheTorrent testbed</title>
<style>${new Markup(style + print)}</style>
</head>
<body>
<main>
${bodyOf(report, figures)}
</main>
<script type="application/json" id="figures">${scriptJson(figures)}</script>
<script>${script(d3)}</script>
<script>${script(plot)}</script>
<script type="module">${script(charts)}</script>
</body>
</html>
`;
  return page.text;
}

function bodyOf(report: TestbedReport, figures: Figures): Markup {
  const rows = summarise(report);
  const [headline = "", ...others] = headlines(report);
  return html`<header>
<p class="scenario">Testbed run <b>${report.scenario}</b></p>
<h1>${headline}</h1>
${others.map((sentence) => html`<p class="headline">${sentence}</p>`)}
<p class="footnote">Times into each AS: the mean over the ASes; 1 is the least possible. Time: until nine in ten downloaders were complete, over BitTorrent's in the same repetition; the median.</p>
${report.isPartial ? html`<p class="warning">This run is partial: not all cells ran to their end.</p>` : ""}
</header>
<section>
<h2>The policies side by side</h2>
${summaryTable(report, rows, shownColumns(MAIN_COLUMNS, report), "summary", "Redundancy and completion; means over the repetitions, in small print the least and the most")}
${bordersTable(report)}
${faultsTable(report)}
${stockTable(report)}
</section>
${charts(report)}
${figures.leaderPercent.some(({ families }) => families.length > 0) ? leaderPercents() : ""}
<section>
<h2>What explains it</h2>
${summaryTable(report, rows, DETAIL_COLUMNS, "details", "Leaders and others, the lower bound (for the last downloader: until all are complete), escapes, claims, and the machine; means over the repetitions")}
${escapesTable(report)}
</section>
<section>
<h2>The run</h2>
${aboutRun(report)}
${asTable(report)}
</section>`;
}

function charts(report: TestbedReport): Markup {
  const since = isCountedFromStart(report)
    ? "the start of the swarm, as the times of faults are"
    : "the first announce answer";
  return html`<noscript><p class="warning">The charts need scripts; the tables do not.</p></noscript>
<section id="completion">
<h2>When downloaders were complete</h2>
<p>The share of all downloaders that held the whole content, over the time since ${since}; all repetitions together. The axis begins shortly before the lower bound, which is for the last downloader: no policy could have all complete before it.</p>
<div class="legend" id="legend" role="group" aria-label="Policies shown"></div>
<div class="panels wide" data-chart="completion"></div>
${faultTimesTable(report)}
</section>
<section id="crossings">
<h2>What entered each AS over time</h2>
<p>Each line is one AS: external payload bytes received until then, in copies of the content (logarithmic). The rule is at 1, the least possible for an AS that holds no seed. One repetition of each policy.</p>
<div class="choice" data-choice="variant"></div>
<div class="panels" data-chart="crossings"></div>
</section>
<section id="traffic">
<h2>Who sent to whom</h2>
<p>Payload bytes from AS to AS in copies of the content, on a logarithmic scale that is the same for all policies; the mean of the repetitions; BitTorrent stands beside. Columns send, rows receive; the diagonal is traffic within an AS. Blank: nothing.</p>
<div class="choice" data-choice="variant"></div>
<div class="choice" data-choice="policy"></div>
<div class="panels wide" data-chart="traffic"></div>
</section>`;
}

function leaderPercents(): Markup {
  return html`<section id="leader-percent">
<h2>How many leaders</h2>
<p>Redundancy and completion against the percentage of candidates that lead, for policies that ran with several; mean, least and most over the repetitions. Rules: BitTorrent and coordinated, their p90 where it is about time.</p>
<div class="panels wide" data-chart="leader-percent"></div>
</section>`;
}

function aboutRun(report: TestbedReport): Markup {
  const wall = report.cells.reduce((sum, cell) => sum + cell.wallMs, 0);
  const facts: [string, string | Markup][] = [
    ["scenario", report.about === "" ? report.scenario : `${report.scenario}: ${report.about}`],
    ["made again by", html`<code>${report.command}</code>`],
    ["random seed", `${report.seed}; a repetition adds its number`],
    ["machine", machineNote(report)],
    ["on", whereNote(report)],
    ["made at", madeAtNote(report)],
    ["time scale", `${report.timeScale} swarm seconds in a real one; all times here are the swarm's`],
    [
      "content",
      `${formatSize(report.contentBytes)} in ${report.pieces} pieces of ${formatSize(report.pieceLength)}`,
    ],
    ["storage", storageNote(report)],
    ["took", `${(wall / 60_000).toFixed(1)} min of real time for ${report.cells.length} cells`],
  ];
  return html`<dl>${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>`;
}

/** Those of all cells: a run may have been gone on with elsewhere. */
function machineNote({ cells, machine }: TestbedReport): string {
  const of = Map.groupBy(cells, (cell) => cell.machine);
  if (of.size <= 1) return cells[0]?.machine ?? machine;
  return [...of]
    .map(([one = "not known", there]) => `${one} (${there.length} of ${cells.length} cells)`)
    .join("; ");
}

function madeAtNote({ cells, madeAt }: TestbedReport): string {
  const ends = cells.flatMap((cell) => cell.madeAt ?? []).toSorted();
  const [first, last] = [ends[0], ends.at(-1)];
  return first === undefined || first === last
    ? madeAt
    : `${madeAt}; its cells ended from ${first} to ${last}`;
}

function whereNote({ ases, on }: TestbedReport): string {
  if (on === "compose")
    return "containers: each peer is one, each AS a network of them behind a border that routes and shapes";
  return ases.some(({ linkIn, linkOut }) => linkIn !== null || linkOut !== null)
    ? "loopback: the peers spread over threads of one process, which share the links; those are enforced where a block is sent"
    : "loopback: the peers spread over a few processes";
}

function storageNote({ storage }: TestbedReport): string {
  return storage === "shared"
    ? "shared: all peers use one copy of the content, so the times have no disk in them"
    : "own: each peer writes its own files";
}

function asTable(report: TestbedReport): Markup {
  const rate = (value: number | null) => (value === null ? "unlimited" : formatRate(value));
  const hasStock = report.ases.some(({ stock }) => stock !== undefined);
  const stockHead = hasStock ? ["stock clients"] : [];
  const heads = [
    "AS",
    "number",
    "peers",
    "initial seeds",
    ...stockHead,
    "up, each",
    "down, each",
    "link in",
    "link out",
  ];
  const lines = report.ases.map((as) => [
    as.name,
    as.asn,
    as.peers,
    as.initialSeeds,
    ...(hasStock ? [as.stock ?? 0] : []),
    rate(as.up),
    rate(as.down),
    rate(as.linkIn),
    rate(as.linkOut),
  ]);
  const [first, ...others] = variantsOf(report);
  const note = others.length > 0 ? `, with the initial seeds as under ${first}` : "";
  return html`<details><summary>The ${report.ases.length} ASes${note}</summary>
${listTable("ases", "The ASes", heads, lines)}</details>`;
}
