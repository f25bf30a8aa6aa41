import { describe, expect, it } from "vitest";
import { renderTable } from "../../src/report/text-table.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

describe("the table for the terminal", () => {
  it("opens with the sentence and aligns the figures", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { redundancy: 46.4, redundancyMax: 51, externalBytes: 2 ** 30 }),
      cellOf(CACHE_50, { redundancy: 4.25, p50Ms: 1100, escapes: [anEscape(), anEscape()] }),
      cellOf(CACHE_50, { repetition: 2, state: "failed", why: "crashed" }),
    ]);
    expect(renderTable(report).split("\n")).toEqual([
      "BitTorrent moved each byte 46.4 times into each AS; cache 50 4.25 times, in 100 % of the time.",
      "",
      "policy      redundancy  worst AS  external MiB  p50 s  p90 s  max s  ÷BT p50  ÷BT p90  ÷bound  escapes  expired  complete",
      "bittorrent        46.4      51.0          1024    1.0    2.0    3.0    1.000    1.000   4.000        0        0       5/5",
      "cache 50          4.25      3.00           0.0    1.1    2.0    3.0    1.100    1.000   4.000        2        0       5/5  1 failed",
      "",
    ]);
  });

  it("says that a run is partial, shows variants, and a dash for what was not measured", () => {
    const report = reportOf(
      [
        cellOf(BITTORRENT, { variant: "slow", p50Ms: null }),
        cellOf(CACHE_50, { variant: "slow", state: "partial" }),
      ],
      { isPartial: true },
    );
    const [, partial, , header, plain, cache] = renderTable(report).split("\n");
    expect(partial).toBe("This run is partial: not all cells ran to their end.");
    expect(header).toMatch(/^variant +policy +redundancy/);
    expect(plain).toMatch(/^slow +bittorrent +2\.00 +3\.00 +0\.0 +– +2\.0 /);
    expect(cache).toMatch(/^slow +cache 50( +–){12} +1 partial$/);
  });

  it("passes no control characters on to the terminal", () => {
    const report = reportOf([cellOf({ label: "\u001b[31mred\u0007", name: "cache" })]);
    expect(renderTable(report)).not.toMatch(/(?!\n)\p{Cc}/u);
    expect(renderTable(report)).toContain("·[31mred·");
  });
});

function anEscape() {
  return { asn: 2, peer: "127.2.0.1:6881", atMs: 1, why: "no leader answered" };
}
