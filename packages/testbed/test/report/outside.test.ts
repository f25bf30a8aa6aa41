import { describe, expect, it } from "vitest";
import { figuresOf } from "../../src/report/figures.ts";
import { renderHtml } from "../../src/report/html.ts";
import { renderJson } from "../../src/report/json.ts";
import type { CellResult, FaultRecord, TestbedReport } from "../../src/report/results.ts";
import { renderTable } from "../../src/report/text-table.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

const borders = {
  atMs: [0, 1000, 2000],
  inByAs: [
    [0, 10, 20],
    [0, 600, 1100],
    [0, 1800, 3300],
  ],
  outByAs: [
    [0, 2000, 4200],
    [0, 10, 20],
    [0, 10, 20],
  ],
};

function fault(figures: Partial<FaultRecord> = {}): FaultRecord {
  return { what: "AS 2 cut off", whom: ["border2"], atMs: 1000, healedMs: 2000, ...figures };
}

/** Runs in containers: the page's tables by their ids, without markup. */
async function tableOf(report: TestbedReport, id: string): Promise<string[] | undefined> {
  const page = await renderHtml(report);
  const table = page.split(`<table id="${id}">`)[1]?.split("</table>")[0];
  return table
    ?.split("</tr>")
    .slice(0, -1)
    .map((row) => [...row.matchAll(/<t[hd]\b[^>]*>(.*?)<\/t[hd]>/g)].map((match) => match[1]).join(" | "));
}

const inMebibytes = (cells: readonly CellResult[]) => {
  const scaled = (series: readonly (readonly number[])[]) =>
    series.map((values) => values.map((value) => value * 2 ** 20));
  return reportOf(
    cells.map((cell) => ({
      ...cell,
      externalBytes: cell.externalBytes * 2 ** 20,
      trafficByAs: scaled(cell.trafficByAs),
      ...(cell.borders
        ? {
            borders: {
              ...cell.borders,
              inByAs: scaled(cell.borders.inByAs),
              outByAs: scaled(cell.borders.outByAs),
            },
          }
        : {}),
    })),
    { contentBytes: 1000 * 2 ** 20 },
  );
};

describe("border counters", () => {
  it("stand beside what the ledgers have, in the tables of page and terminal", async () => {
    const report = inMebibytes([cellOf(BITTORRENT, { borders })]);
    expect(await tableOf(report, "borders")).toEqual([
      "policy | variant | AS | in: ledger, MiB | in: border, MiB | in: border ÷ ledger | out: ledger, MiB | out: border, MiB | out: border ÷ ledger",
      "bittorrent |  | home | 0.0 | 20.0 | – | 3000 | 4200 | 1.400",
      "bittorrent |  | near | 1000 | 1100 | 1.100 | 1000 | 20.0 | 0.020",
      "bittorrent |  | far | 3000 | 3300 | 1.100 | 0.0 | 20.0 | –",
    ]);
    const [, , header, row] = renderTable(report).split("\n");
    expect(header).toMatch(/external MiB +borders MiB +÷external +p50 s/);
    expect(row).toMatch(/ 4000 +4420 +1\.105 /);
  });

  it("leave the tables of a run without borders as they are", async () => {
    const report = reportOf([cellOf(BITTORRENT)]);
    expect(await renderHtml(report)).not.toContain("border ÷ ledger");
    expect(renderTable(report)).not.toContain("borders");
  });

  it("are thinned in report.json as crossings are, their totals kept", () => {
    const atMs = Array.from({ length: 1000 }, (_, i) => i);
    const long = { atMs, inByAs: [atMs], outByAs: [atMs] };
    const { cells } = JSON.parse(renderJson(reportOf([cellOf(BITTORRENT, { borders: long })])));
    expect(cells[0].borders.atMs).toHaveLength(128);
    expect(cells[0].borders.inByAs[0].at(-1)).toBe(999);
  });
});

describe("faults", () => {
  it("are listed with when and whom, those that did not come to pass too", async () => {
    const none = fault({ what: "tracker killed", whom: [], atMs: null, healedMs: null });
    const rows = await tableOf(reportOf([cellOf(BITTORRENT, { faults: [fault(), none] })]), "fault-times");
    expect(rows?.slice(1)).toEqual([
      "1 | AS 2 cut off | bittorrent |  | 1 | 1.0 | 2.0 | border2",
      "2 | tracker killed | bittorrent |  | 1 | not before all were complete | – | ",
    ]);
  });

  it("are on the time axis of a policy's crossings, in seconds", () => {
    const none = fault({ atMs: null, healedMs: null });
    const report = reportOf([cellOf(BITTORRENT, { faults: [none, fault()] }), cellOf(CACHE_50)]);
    expect(figuresOf(report).crossings.map(({ faults }) => faults)).toEqual([
      [{ number: 2, what: "AS 2 cut off", at: 1, healed: 2, policy: "bittorrent" }],
      [],
    ]);
  });

  it("are one mark on the chart of all policies where they came at one time, else one for each", () => {
    const at = (atMs: number) => fault({ atMs, healedMs: null });
    const completedAtMs = [900, 20_000];
    const report = reportOf([
      cellOf(BITTORRENT, { completedAtMs, faults: [at(1000), at(10_000)] }),
      cellOf(CACHE_50, { completedAtMs, faults: [at(1200), at(30_000)] }),
    ]);
    const [panel] = figuresOf(report).completions;
    expect(panel?.faults.map(({ at: s, number, policy }) => [number, s, policy])).toEqual([
      [1, 1, null],
      [2, 10, "bittorrent"],
      [2, 30, "cache 50"],
    ]);
  });
});

describe("stock clients", () => {
  const stock = [
    { name: "aria2-2-1", client: "aria2", asn: 2, completed: true, ms: 4000 },
    { name: "transmission-2-1", client: "transmission", asn: 2, completed: true, ms: 9000 },
  ] as const;
  const stockCrossings = [{ asn: 2, bytes: 3000 }];

  it("are listed with what crossed for them, beside what crossed for our peers of their AS", async () => {
    const slower = stock.map((one) => ({ ...one, completed: one.client === "aria2", ms: null }));
    const report = reportOf([
      cellOf(BITTORRENT, { stock, stockCrossings }),
      cellOf(BITTORRENT, { stock: slower, stockCrossings: [{ asn: 2, bytes: 1000 }], repetition: 2 }),
      cellOf(CACHE_50),
    ]);
    const rows = await tableOf(report, "stock");
    // Two clients, 2000 bytes on average, of content of 1000: one copy each. Our two peers got 1000 together.
    expect(rows?.slice(1)).toEqual([
      "bittorrent |  | near | 1 aria2, 1 transmission | 1.5/2 | 9.0 | 0.0 | 1.000 | 0.0 | 0.500",
    ]);
    expect(renderTable(report).split("\n").slice(-3)).toEqual([
      "policy      AS    stock clients            complete  last s  external copies each  our peers'",
      "bittorrent  near  1 aria2, 1 transmission     1.5/2     9.0                 1.000       0.500",
      "",
    ]);
  });

  it("are counted among the hosts of an AS where there are any", async () => {
    const report = reportOf([cellOf(BITTORRENT, { stock, stockCrossings })]);
    const ases = report.ases.map((as) => (as.asn === 2 ? { ...as, stock: 2 } : as));
    expect((await tableOf({ ...report, ases }, "ases"))?.[2]).toBe(
      "near | 2 | 2 | 0 | 2 | 1.00 kB/s | unlimited | unlimited | unlimited",
    );
    expect((await tableOf(report, "ases"))?.[0]).not.toContain("stock");
  });
});

it("a machine that was busy is told with its cores, not with a lag that nobody measured", async () => {
  const busy = cellOf(BITTORRENT, { isMachineLimited: true, eventLoopLagP99Ms: null, cpu: 1.94 });
  const rows = await tableOf(reportOf([busy], { on: "compose" }), "faults");
  expect(rows?.[1]).toContain("1.9 of the machine&#39;s cores were busy");
});
