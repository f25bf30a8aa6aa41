import { type FaultMark, faultMarks, sharedFaultMarks } from "./fault-marks.ts";
import { isDone } from "./pairing.ts";
import type { CellResult, ReportedAs, ReportedPolicy, TestbedReport } from "./results.ts";
import type { Spread } from "./spread.ts";
import { isOf, policiesOf, type SummaryRow, summarise, variantsOf } from "./summary.ts";
import { rounded, thinned } from "./thin.ts";

/** Points of a line: more could not be told apart, and 48 cells of 14 ASes stay small. */
const POINTS_OF_COMPLETIONS = 160;
const POINTS_OF_CROSSINGS = 64;
/** Sites that a chart has room for; of more, those with the most peers. */
const MOST_ASES = 40;

/** What the page's script draws: page/charts.js. Times in s, amounts in copies of the content. */
export interface Figures {
  readonly policies: readonly { readonly label: string; readonly name: string }[];
  readonly variants: readonly string[];
  readonly ases: readonly string[];
  /** How many ASes the charts by AS leave out. */
  readonly hiddenAses: number;
  readonly contentBytes: number;
  readonly completions: readonly CompletionPanel[];
  readonly crossings: readonly CrossingPanel[];
  readonly traffic: readonly TrafficPanel[];
  readonly leaderPercent: readonly LeaderPercentPanel[];
}

export interface CompletionPanel {
  readonly variant: string;
  /** Times are since then: each peer's first announce answer, or the start of the swarm. */
  readonly since: "announce" | "start";
  readonly bound: number | null;
  readonly faults: readonly FaultMark[];
  readonly lines: readonly {
    readonly policy: string;
    readonly repetitions: number;
    /** Seconds, percent of the downloaders that were complete by then. */
    readonly points: readonly (readonly [number, number])[];
  }[];
}

/** One repetition: lines of several would not be told apart. */
export interface CrossingPanel {
  readonly policy: string;
  readonly variant: string;
  readonly repetition: number;
  readonly note: string;
  readonly at: readonly number[];
  /** By AS, in the order of `ases`. */
  readonly copies: readonly (readonly number[])[];
  readonly faults: readonly FaultMark[];
}

/** The mean of the repetitions that are done. */
export interface TrafficPanel {
  readonly policy: string;
  readonly variant: string;
  readonly repetitions: number;
  /** Receivers by row, senders by column. */
  readonly copies: readonly (readonly number[])[];
}

export interface LeaderPercentPanel {
  readonly variant: string;
  readonly families: readonly { readonly label: string; readonly points: readonly LeaderPercentPoint[] }[];
  /** Policies without leaders to choose the number of, to compare with. */
  readonly references: readonly LeaderPercentPoint[];
}

export interface LeaderPercentPoint {
  readonly policy: string;
  readonly percent: number | null;
  readonly redundancy: Range | null;
  readonly p50: Range | null;
  readonly p90: Range | null;
}

/** Mean, least, most. */
export type Range = readonly [number, number, number];

export function figuresOf(report: TestbedReport): Figures {
  const variants = variantsOf(report);
  const rows = summarise(report);
  const shown = shownAses(report);
  const groups = variants.flatMap((variant) =>
    policiesOf(report).map((policy) => ({
      policy,
      variant,
      cells: report.cells.filter((cell) => isOf(cell, policy, variant)),
    })),
  );
  return {
    policies: policiesOf(report).map(({ label, name }) => ({ label, name })),
    variants,
    ases: shown.map((index) => nameOf(report.ases, index)),
    hiddenAses: report.ases.length - shown.length,
    contentBytes: report.contentBytes,
    completions: variants.map((variant) => completionPanel(report, rows, variant)),
    crossings: groups.flatMap((group) => crossingPanel(group, shown, report.contentBytes)),
    traffic: groups.flatMap((group) => trafficPanel(group, shown, report.contentBytes)),
    leaderPercent: variants.map((variant) =>
      leaderPercentPanel(
        variant,
        rows.filter((row) => row.variant === variant),
      ),
    ),
  };
}

interface Group {
  readonly policy: ReportedPolicy;
  readonly variant: string;
  readonly cells: readonly CellResult[];
}

/** Rows of a chart are found by their names, which a scenario may give twice. */
function nameOf(ases: readonly ReportedAs[], index: number): string {
  const { name, asn } = ases[index] ?? { name: "", asn: index };
  return ases.some((other) => other.name === name && other.asn !== asn) ? `${name} (${asn})` : name;
}

function shownAses(report: TestbedReport): number[] {
  const indices = report.ases.map((_, index) => index);
  if (indices.length <= MOST_ASES) return indices;
  const peers = (index: number) => report.ases[index]?.peers ?? 0;
  return indices
    .toSorted((a, b) => peers(b) - peers(a))
    .slice(0, MOST_ASES)
    .toSorted((a, b) => a - b);
}

function completionPanel(
  report: TestbedReport,
  rows: readonly SummaryRow[],
  variant: string,
): CompletionPanel {
  const seeds = report.ases.reduce((sum, as) => sum + as.initialSeeds, 0);
  const bounds = rows.filter((row) => row.variant === variant).map((row) => row.lowerBoundMs?.median ?? null);
  const bound = bounds.find((value) => value !== null) ?? null;
  const isSinceStart = isCountedFromStart(report);
  const timesOf = ({ completedAtMs = [], completionsMs }: CellResult) =>
    isSinceStart ? completedAtMs : completionsMs;
  const lines = policiesOf(report).flatMap((policy) => {
    const cells = report.cells.filter((cell) => isOf(cell, policy, variant) && isDone(cell));
    const times = cells.flatMap(timesOf).toSorted((a, b) => a - b);
    if (times.length === 0) return [];
    // Of all downloaders, those that left included: a curve that ends below 100 % shows them.
    const downloaders = cells.reduce((sum, cell) => sum + cell.peers - (cell.initialSeeds ?? seeds), 0);
    const percent = (rank: number) => rounded((100 * rank) / Math.max(downloaders, times.length));
    const points = thinned(times.length, POINTS_OF_COMPLETIONS).map(
      (index) => [rounded((times[index] ?? 0) / 1000), percent(index + 1)] as const,
    );
    return [{ policy: policy.label, repetitions: cells.length, points }];
  });
  const cells = report.cells.filter((cell) => cell.variant === variant && isDone(cell));
  return {
    variant,
    since: isSinceStart ? "start" : "announce",
    bound: bound === null ? null : rounded(bound / 1000),
    faults: isSinceStart ? sharedFaultMarks(cells, policiesOf(report)) : [],
    lines,
  };
}

/**
 * Have any swarms had faults, whose times are the swarm's? Then the completions of all are shown on that axis; but not where some
 * cell, kept of an earlier version, does not have them so: a mark would stand beside the wrong part of its curve.
 */
export function isCountedFromStart({ cells }: TestbedReport): boolean {
  const done = cells.filter(isDone);
  return done.some(({ faults }) => faults) && done.every(({ completedAtMs }) => completedAtMs);
}

function crossingPanel(group: Group, shown: readonly number[], contentBytes: number): CrossingPanel[] {
  const cells = group.cells.filter((cell) => cell.crossings.atMs.length > 0);
  const cell = cells.find((one) => isDone(one) && !one.isMachineLimited) ?? cells.find(isDone) ?? cells[0];
  if (!cell) return [];
  const notes = [isDone(cell) ? "" : cell.state, cell.isMachineLimited ? "machine-limited" : ""];
  const kept = thinned(cell.crossings.atMs.length, POINTS_OF_CROSSINGS);
  return [
    {
      policy: group.policy.label,
      variant: group.variant,
      repetition: cell.repetition,
      note: notes.filter((note) => note !== "").join(", "),
      at: kept.map((index) => rounded((cell.crossings.atMs[index] ?? 0) / 1000)),
      copies: shown.map((as) =>
        kept.map((index) => rounded((cell.crossings.bytesByAs[as]?.[index] ?? 0) / contentBytes)),
      ),
      faults: faultMarks(cell),
    },
  ];
}

function trafficPanel(group: Group, shown: readonly number[], contentBytes: number): TrafficPanel[] {
  const cells = group.cells.filter(isDone);
  if (cells.length === 0) return [];
  const bytes = (to: number, from: number) =>
    cells.reduce((sum, cell) => sum + (cell.trafficByAs[to]?.[from] ?? 0), 0) / cells.length;
  return [
    {
      policy: group.policy.label,
      variant: group.variant,
      repetitions: cells.length,
      copies: shown.map((to) => shown.map((from) => rounded(bytes(to, from) / contentBytes))),
    },
  ];
}

function leaderPercentPanel(variant: string, rows: readonly SummaryRow[]): LeaderPercentPanel {
  const families = new Map<string, SummaryRow[]>();
  for (const row of rows) {
    if (row.policy.leaderPercent === undefined) continue;
    const family = familyOf(row.policy);
    families.set(family, [...(families.get(family) ?? []), row]);
  }
  // A single point is no line: the table has it.
  const several = [...families].filter(([, members]) => members.length > 1);
  const lines = new Set(several.flatMap(([, members]) => members));
  const references = rows.filter(
    (row) => (row.policy.name === "bittorrent" || row.policy.name === "coordinated") && !lines.has(row),
  );
  return {
    variant,
    families: several.map(([label, members]) => ({
      label,
      points: members.map(pointOf).toSorted((a, b) => (a.percent ?? 0) - (b.percent ?? 0)),
    })),
    references: references.map(pointOf),
  };
}

/** What is the same for policies that differ by their leader percent. */
function familyOf({ externalPercent, fetchers, handOut, name, ranges, relief }: ReportedPolicy): string {
  const more = [
    ranges === undefined ? "" : `${ranges} ranges`,
    fetchers === undefined ? "" : `fetchers ${fetchers}`,
    relief === undefined ? "" : `relief ${relief}`,
    handOut === undefined ? "" : `lists ${handOut}`,
    externalPercent === undefined ? "" : `${externalPercent} % external`,
  ];
  return [name, ...more.filter((part) => part !== "")].join(", ");
}

function pointOf(row: SummaryRow): LeaderPercentPoint {
  return {
    policy: row.policy.label,
    percent: row.policy.leaderPercent ?? null,
    redundancy: rangeOf(row.redundancy, 1),
    p50: rangeOf(row.p50Ms, 1000),
    p90: rangeOf(row.p90Ms, 1000),
  };
}

function rangeOf(spread: Spread | null, unit: number): Range | null {
  return spread && [rounded(spread.mean / unit), rounded(spread.min / unit), rounded(spread.max / unit)];
}
