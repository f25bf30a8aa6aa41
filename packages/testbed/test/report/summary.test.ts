import { describe, expect, it } from "vitest";
import { summarise } from "../../src/report/summary.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

describe("the summary of a report", () => {
  it("has a row for each variant and policy, in the order of the cells", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { variant: "slow" }),
      cellOf(CACHE_50, { variant: "slow" }),
      cellOf(CACHE_50, { variant: "fast" }),
      cellOf(BITTORRENT, { variant: "slow", repetition: 2 }),
    ]);
    expect(summarise(report).map((row) => [row.variant, row.policy.label, row.done])).toEqual([
      ["slow", "bittorrent", 2],
      ["slow", "cache 50", 1],
      ["fast", "cache 50", 1],
    ]);
  });

  it("gives mean, median, least and most over the repetitions", () => {
    const [row] = summarise(
      reportOf([2, 4, 9, 1].map((redundancy, i) => cellOf(BITTORRENT, { redundancy, repetition: i + 1 }))),
    );
    expect(row?.redundancy).toEqual({ mean: 4, median: 3, min: 1, max: 9, count: 4 });
  });

  it("leaves partial and failed cells out of every figure, and counts them", () => {
    const [row] = summarise(
      reportOf([
        cellOf(BITTORRENT, { redundancy: 2, p50Ms: 1000 }),
        cellOf(BITTORRENT, { redundancy: 50, p50Ms: 1, repetition: 2, state: "partial", why: "ended" }),
        cellOf(BITTORRENT, { redundancy: 70, p50Ms: 2, repetition: 3, state: "failed", why: "crashed" }),
      ]),
    );
    expect(row).toMatchObject({ done: 1, partial: 1, failed: 1 });
    expect(row?.redundancy).toMatchObject({ mean: 2, max: 2, count: 1 });
    expect(row?.p50Ms).toMatchObject({ mean: 1000, count: 1 });
    expect(row?.completed).toMatchObject({ mean: 5, count: 1 });
  });

  it("divides by BitTorrent's time of the same variant and repetition", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { variant: "a", repetition: 1, p50Ms: 1000, p90Ms: 1000 }),
      cellOf(BITTORRENT, { variant: "a", repetition: 2, p50Ms: 2000, p90Ms: 2000 }),
      cellOf(BITTORRENT, { variant: "a", repetition: 3, p50Ms: 4000, p90Ms: 4000 }),
      cellOf(BITTORRENT, { variant: "b", repetition: 1, p50Ms: 10, p90Ms: 10 }),
      cellOf(CACHE_50, { variant: "a", repetition: 3, p50Ms: 2000, p90Ms: 8000 }),
      cellOf(CACHE_50, { variant: "a", repetition: 1, p50Ms: 1500, p90Ms: 3000 }),
      cellOf(CACHE_50, { variant: "a", repetition: 2, p50Ms: 2000, p90Ms: 2000 }),
    ]);
    const row = summarise(report).find(({ policy, variant }) => policy === CACHE_50 && variant === "a");
    expect(row?.p50ToBitTorrent).toEqual({ mean: 1, median: 1, min: 0.5, max: 1.5, count: 3 });
    expect(row?.p90ToBitTorrent).toEqual({ mean: 2, median: 2, min: 1, max: 3, count: 3 });
  });

  it("has no ratio for a repetition whose BitTorrent is missing or did not run to its end", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { repetition: 1, p50Ms: 1000 }),
      cellOf(BITTORRENT, { repetition: 2, p50Ms: 10, state: "partial" }),
      cellOf(CACHE_50, { repetition: 1, p50Ms: 1200 }),
      cellOf(CACHE_50, { repetition: 2, p50Ms: 1200 }),
      cellOf(CACHE_50, { repetition: 3, p50Ms: 1200 }),
    ]);
    const row = summarise(report).find(({ policy }) => policy === CACHE_50);
    expect(row?.p50ToBitTorrent).toMatchObject({ median: 1.2, count: 1 });
    expect(row?.p50Ms).toMatchObject({ count: 3 });
  });

  it("takes what was not measured for nothing, not for 0", () => {
    const nobody = { p50Ms: null, p90Ms: null };
    const [row] = summarise(
      reportOf([
        cellOf(BITTORRENT, { redundancy: null, leaders: nobody }),
        cellOf(BITTORRENT, { redundancy: 3, leaders: nobody, repetition: 2 }),
      ]),
    );
    expect(row?.redundancy).toMatchObject({ mean: 3, count: 1 });
    expect(row?.leaderP50Ms).toBeNull();
  });

  it("divides by the bound of each cell itself", () => {
    const [row] = summarise(
      reportOf([
        cellOf(CACHE_50, { p50Ms: 1000, lowerBoundMs: 500 }),
        cellOf(CACHE_50, { p50Ms: 1000, lowerBoundMs: 250, repetition: 2 }),
        cellOf(CACHE_50, { p50Ms: 1000, lowerBoundMs: 0, repetition: 3 }),
      ]),
    );
    expect(row?.p50ToBound).toMatchObject({ mean: 3, min: 2, max: 4, count: 2 });
  });

  it("counts machine-limited cells, and takes their figures", () => {
    const [row] = summarise(
      reportOf([
        cellOf(CACHE_50, { redundancy: 1 }),
        cellOf(CACHE_50, { redundancy: 2, isMachineLimited: true, repetition: 2 }),
      ]),
    );
    expect(row).toMatchObject({ machineLimited: 1, redundancy: { mean: 1.5 } });
  });
});
