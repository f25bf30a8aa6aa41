import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CSV_COLUMNS, renderCsv } from "../../src/report/csv.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

describe("report.csv", () => {
  it("has a header and a line for each cell", () => {
    const csv = renderCsv(
      reportOf([
        cellOf(BITTORRENT, { p50Ms: 800, variant: "seed 1x" }),
        cellOf(
          { ...CACHE_50, handOut: "biased" },
          {
            p50Ms: 1000,
            variant: "seed 1x",
            claims: { asked: 4, granted: 3, denied: 2, expired: 1 },
          },
        ),
      ]),
    );
    const [header, , cache, ...rest] = csv.split("\n");
    expect(header).toBe(Object.keys(CSV_COLUMNS).join(","));
    expect(cache).toBe(
      "three,seed 1x,cache 50,cache,50,,biased,,,,1,done,,false,2,3,1.5,4000,10,1000,2000,3000,900,1900,1100,2100,500,1.25,1,2,4,0,4,3,2,1,5,5,4000,20,1.25,,,,,,",
    );
    expect(rest).toEqual([""]);
  });

  it("leaves empty what was not measured, and the ratios of cells that are not done", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { redundancy: null }),
      cellOf(CACHE_50, { state: "partial", why: "ended" }),
    ]);
    expect(fieldOf(renderCsv(report), 1, "redundancy")).toBe("");
    expect(fieldOf(renderCsv(report), 1, "p50ToBitTorrent")).toBe("1");
    expect(fieldOf(renderCsv(report), 2, "state")).toBe("partial");
    expect(fieldOf(renderCsv(report), 2, "redundancy")).toBe("2");
    expect(fieldOf(renderCsv(report), 2, "p50ToBitTorrent")).toBe("");
    expect(fieldOf(renderCsv(report), 2, "p90ToBound")).toBe("");
  });

  it("has what only a run in containers has", () => {
    const cell = cellOf(BITTORRENT, {
      eventLoopLagP99Ms: null,
      borders: {
        atMs: [0, 1],
        inByAs: [
          [0, 5],
          [0, 6],
        ],
        outByAs: [
          [0, 7],
          [0, 8],
        ],
      },
      faults: [
        { what: "tracker killed", whom: ["tracker"], atMs: 1, healedMs: null },
        { what: "AS 2 cut off", whom: [], atMs: null, healedMs: null },
      ],
      stock: [{ name: "aria2-2-1", client: "aria2", asn: 2, completed: false, ms: null }],
      stockCrossings: [{ asn: 2, bytes: 9 }],
    });
    const [line] = renderCsv(reportOf([cell]))
      .split("\n")
      .slice(1);
    expect(line?.split(",").slice(-9)).toEqual(["4000", "", "1.25", "11", "15", "1", "1", "0", "9"]);
  });

  it("quotes what has commas, quotes or line ends in it", () => {
    const csv = renderCsv(reportOf([cellOf(BITTORRENT, { state: "failed", why: 'it "broke", twice\nand' })]));
    expect(csv).toContain(',failed,"it ""broke"", twice\nand",false,');
  });

  it("has every column in docs/report.md, in the same order", () => {
    const docs = readFileSync(new URL("../../../../docs/report.md", import.meta.url), "utf8");
    const section = docs.split("## report.csv")[1]?.split("\n## ")[0] ?? "";
    const named = section
      .split("\n")
      .filter((line) => line.startsWith("| `"))
      .flatMap((line) => [...(line.split("|")[1] ?? "").matchAll(/`(\w+)`/g)].map((match) => match[1]));
    expect(named).toEqual(Object.keys(CSV_COLUMNS));
  });
});

function fieldOf(csv: string, line: number, column: string): string | undefined {
  const lines = csv.split("\n").map((text) => text.split(","));
  return lines[line]?.[lines[0]?.indexOf(column) ?? -1];
}
