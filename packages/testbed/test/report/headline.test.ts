import { describe, expect, it } from "vitest";
import { headlines } from "../../src/report/headline.ts";
import type { ReportedPolicy } from "../../src/report/results.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

const COORDINATED: ReportedPolicy = { label: "coordinated", name: "coordinated" };

describe("the sentence that matters", () => {
  it("sets coordinated beside BitTorrent, though another policy crossed less", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { redundancy: 46.41, p90Ms: 1000 }),
      cellOf(CACHE_50, { redundancy: 1.001, p90Ms: 3000 }),
      cellOf(COORDINATED, { redundancy: 1.0042, p90Ms: 984 }),
    ]);
    expect(headlines(report)).toEqual([
      "BitTorrent moved each byte 46.4 times into each AS; coordinated 1.004 times, in 98 % of the time.",
    ]);
  });

  it("tells the policy that crossed least where coordinated did not run, for each variant", () => {
    const cells = ["near", "far"].flatMap((variant) => [
      cellOf({ label: "biased 10", name: "biased" }, { variant, redundancy: 5 }),
      cellOf(CACHE_50, { variant, redundancy: 2.25, p90Ms: 3000 }),
      cellOf(BITTORRENT, { variant, redundancy: 9, p90Ms: 2000 }),
    ]);
    expect(headlines(reportOf(cells))).toEqual([
      "near: BitTorrent moved each byte 9.00 times into each AS; cache 50 2.25 times, in 150 % of the time.",
      "far: BitTorrent moved each byte 9.00 times into each AS; cache 50 2.25 times, in 150 % of the time.",
    ]);
  });

  it("speaks of no time where there is no pair", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { redundancy: 9, repetition: 1 }),
      cellOf(CACHE_50, { redundancy: 2, repetition: 2 }),
    ]);
    expect(headlines(report)).toEqual([
      "BitTorrent moved each byte 9.00 times into each AS; cache 50 2.00 times.",
    ]);
  });

  it("says itself how many of its cells the machine limited", () => {
    const report = reportOf([
      cellOf(BITTORRENT, { redundancy: 9, p90Ms: 1000 }),
      cellOf(COORDINATED, { redundancy: 1, p90Ms: 1000, isMachineLimited: true }),
    ]);
    expect(headlines(report)).toEqual([
      "BitTorrent moved each byte 9.00 times into each AS; coordinated 1.000 times, in 100 % of the time. The machine limited 1 of these 2 cells.",
    ]);
  });

  it("says so where there is nothing to compare", () => {
    expect(headlines(reportOf([cellOf(CACHE_50, { redundancy: 2 })]))).toEqual([
      "cache 50 moved each byte 2.00 times into each AS; once would do.",
    ]);
    const nothing = ["No cell ran to its end, so there is nothing to compare."];
    expect(headlines(reportOf([cellOf(BITTORRENT, { state: "failed" })]))).toEqual(nothing);
    expect(headlines(reportOf([]))).toEqual(nothing);
  });
});
