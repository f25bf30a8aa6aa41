import { describe, expect, it } from "vitest";
import { figuresOf } from "../../src/report/figures.ts";
import { thinned } from "../../src/report/thin.ts";
import { BITTORRENT, CACHE_50, cellOf, reportOf } from "../support/report-cells.ts";

describe("what the charts are drawn from", () => {
  it("pools the completions of all repetitions, in percent of all downloaders", () => {
    const [panel] = figuresOf(
      reportOf([
        cellOf(BITTORRENT, { completionsMs: [1000, 3000] }),
        cellOf(BITTORRENT, { completionsMs: [2000, 4000, 5000, 6000], repetition: 2 }),
        cellOf(BITTORRENT, { completionsMs: [1], repetition: 3, state: "partial" }),
      ]),
    ).completions;
    // Four downloaders in each repetition; two of the first left before they were complete.
    expect(panel?.lines).toEqual([
      {
        policy: "bittorrent",
        repetitions: 2,
        points: [
          [1, 12.5],
          [2, 25],
          [3, 37.5],
          [4, 50],
          [5, 62.5],
          [6, 75],
        ],
      },
    ]);
    expect(panel?.bound).toBe(0.5);
  });

  it("takes for downloaders all but the initial seeds, of which a variant may have more than another", () => {
    const panels = figuresOf(
      reportOf([
        cellOf(BITTORRENT, { variant: "one seed", initialSeeds: 1 }),
        cellOf(BITTORRENT, { variant: "three seeds", initialSeeds: 3, peers: 7, completed: 7 }),
        cellOf(BITTORRENT, { variant: "of before" }),
      ]),
    ).completions;
    expect(panels.map(({ lines, variant }) => [variant, lines[0]?.points.at(-1)])).toEqual([
      ["one seed", [3, 100]],
      ["three seeds", [3, 100]],
      ["of before", [3, 100]],
    ]);
  });

  it("has completions since the start of the swarm where there are faults, whose times are those", () => {
    const fault = { what: "tracker killed", whom: ["tracker"], atMs: 4000, healedMs: null };
    const completedAtMs = [3000, 5000, 6000, 7000];
    const calm = cellOf(BITTORRENT, { variant: "calm", completedAtMs });
    const hit = cellOf(BITTORRENT, { variant: "hit", completedAtMs, faults: [fault] });
    const panels = (cells: Parameters<typeof reportOf>[0]) => figuresOf(reportOf(cells)).completions;
    const firstTimes = (cells: Parameters<typeof reportOf>[0]) =>
      panels(cells).map(({ faults, lines, since }) => [
        since,
        lines[0]?.points[0]?.[0],
        faults.map(({ at }) => at),
      ]);
    expect(firstTimes([calm])).toEqual([["announce", 0.8, []]]);
    // Both panels, so that they can be compared.
    expect(firstTimes([calm, hit])).toEqual([
      ["start", 3, []],
      ["start", 3, [4]],
    ]);
    const { completedAtMs: _, ...ofBefore } = hit;
    expect(firstTimes([ofBefore])).toEqual([["announce", 0.8, []]]);
  });

  it("shows the crossings of a repetition that ran to its end on a machine that kept up", () => {
    const limited = cellOf(BITTORRENT, { isMachineLimited: true });
    const partial = cellOf(BITTORRENT, { repetition: 2, state: "partial" });
    const good = cellOf(BITTORRENT, { repetition: 3 });
    const shown = (cells: Parameters<typeof reportOf>[0]) => figuresOf(reportOf(cells)).crossings;
    expect(shown([limited, partial, good])).toMatchObject([{ repetition: 3, note: "" }]);
    expect(shown([limited, partial])).toMatchObject([{ repetition: 1, note: "machine-limited" }]);
    expect(shown([partial])).toMatchObject([{ repetition: 2, note: "partial" }]);
    expect(shown([good])[0]).toMatchObject({
      at: [0, 1, 2],
      copies: [
        [0, 0, 0],
        [0, 0.5, 1],
        [0, 1.5, 3],
      ],
    });
  });

  it("gives traffic as the mean of the repetitions, in copies of the content", () => {
    const other = [
      [0, 0, 0],
      [3000, 500, 0],
      [0, 0, 0],
    ];
    const [panel] = figuresOf(
      reportOf([cellOf(BITTORRENT), cellOf(BITTORRENT, { trafficByAs: other, repetition: 2 })]),
    ).traffic;
    expect(panel).toMatchObject({
      repetitions: 2,
      copies: [
        [0, 0, 0],
        [2, 0.5, 0],
        [1, 0.5, 0.25],
      ],
    });
  });

  it("has lines over the leader percent for policies that ran with several", () => {
    const cache = (leaderPercent: number, redundancy: number) =>
      cellOf({ label: `cache ${leaderPercent}`, name: "cache", leaderPercent }, { redundancy });
    const multi = cellOf({ label: "multi 2", name: "multi", leaderPercent: 10, ranges: 2 });
    const [panel] = figuresOf(
      reportOf([cache(50, 20), cache(10, 4), multi, cellOf(BITTORRENT)]),
    ).leaderPercent;
    expect(panel?.families).toMatchObject([
      {
        label: "cache",
        points: [
          { percent: 10, redundancy: [4, 4, 4] },
          { percent: 50, redundancy: [20, 20, 20] },
        ],
      },
    ]);
    expect(panel?.references).toMatchObject([{ policy: "bittorrent", percent: null, p90: [2, 2, 2] }]);
  });

  it("has a line of its own for each setting beside the leader percent", () => {
    const cache = (leaderPercent: number, handOut: "random" | "biased") =>
      cellOf({ label: `${handOut} ${leaderPercent}`, name: "cache", leaderPercent, handOut });
    const coordinated = (leaderPercent: number, relief: number) =>
      cellOf({ label: `${leaderPercent} relief ${relief}`, name: "coordinated", leaderPercent, relief });
    const several = [10, 50].flatMap((percent) => [
      cache(percent, "random"),
      cache(percent, "biased"),
      coordinated(percent, 1),
      coordinated(percent, 2),
    ]);
    const [panel] = figuresOf(reportOf(several)).leaderPercent;
    expect(panel?.families.map(({ label, points }) => [label, points.length])).toEqual([
      ["cache, lists random", 2],
      ["cache, lists biased", 2],
      ["coordinated, relief 1", 2],
      ["coordinated, relief 2", 2],
    ]);
  });

  it("draws coordinated as a line, not as a rule, where it ran with several leader percents", () => {
    const coordinated = (leaderPercent: number) =>
      cellOf({ label: `coordinated ${leaderPercent}`, name: "coordinated", leaderPercent });
    const [several] = figuresOf(reportOf([coordinated(10), coordinated(25)])).leaderPercent;
    expect(several?.families.map((family) => family.points.length)).toEqual([2]);
    expect(several?.references).toEqual([]);
    const [one] = figuresOf(reportOf([coordinated(10)])).leaderPercent;
    expect(one?.families).toEqual([]);
    expect(one?.references.map((point) => point.policy)).toEqual(["coordinated 10"]);
  });

  it("shows the forty largest of many ASes, and tells two of one name apart", () => {
    const report = reportOf([cellOf(CACHE_50)]);
    const [, near, far] = report.ases;
    if (!near || !far) throw new Error("the report has three ASes");
    const many = Array.from({ length: 50 }, (_, i) => ({
      ...near,
      asn: 100 + i,
      name: `AS ${100 + i}`,
      peers: i,
    }));
    const figures = figuresOf({ ...report, ases: many });
    expect(figures.ases).toHaveLength(40);
    expect(figures.ases[0]).toBe("AS 110");
    expect(figures.hiddenAses).toBe(10);
    expect(figuresOf({ ...report, ases: [near, { ...far, name: "near" }] }).ases).toEqual([
      "near (2)",
      "near (3)",
    ]);
  });

  it("keeps the first and the last of a thinned line", () => {
    expect(thinned(3, 10)).toEqual([0, 1, 2]);
    expect(thinned(1000, 5)).toEqual([0, 250, 500, 749, 999]);
    expect(thinned(0, 5)).toEqual([]);
  });
});
