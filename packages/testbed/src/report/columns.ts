import {
  formatCount,
  formatFewMebibytes,
  formatMebibytes,
  formatRatio,
  formatSeconds,
  formatTimes,
  NOTHING,
} from "./quantities.ts";
import type { TestbedReport } from "./results.ts";
import type { Spread } from "./spread.ts";
import type { SummaryRow } from "./summary.ts";

/** A column of the tables, on the page and in the terminal. */
export interface Column {
  readonly title: string;
  readonly unit?: string;
  /** What it is, for who points at it. */
  readonly about: string;
  readonly figure: (row: SummaryRow) => Figure;
  /** It is left out where no cell has what it is of. */
  readonly needs?: "borders";
}

/** A figure as it is shown: the mean or median, and the least and most where they differ. */
export interface Figure {
  readonly value: string;
  readonly range: string;
}

/** Where the bytes went and how long it took. */
export const MAIN_COLUMNS: readonly Column[] = [
  {
    title: "redundancy",
    unit: "×",
    about: "external payload bytes an AS received ÷ size of the content; mean over the ASes",
    figure: (row) => mean(row.redundancy, formatTimes),
  },
  {
    title: "worst AS",
    unit: "×",
    about: "the largest redundancy of an AS",
    figure: (row) => mean(row.redundancyMax, formatTimes),
  },
  {
    title: "seedRedundancy",
    unit: "×",
    about: "external bytes ÷ size of the (AS, piece) pairs that have any, the seed's AS included",
    figure: (row) => mean(row.seedRedundancy, formatTimes),
  },
  {
    title: "external",
    unit: "MiB",
    about: "payload bytes that crossed a border, all ASes together",
    figure: (row) => mean(row.externalBytes, formatMebibytes),
  },
  {
    title: "borders",
    unit: "MiB",
    about: "bytes of frames that the borders' interfaces sent into their ASes, all ASes together",
    figure: (row) => mean(row.borderBytes, formatMebibytes),
    needs: "borders",
  },
  {
    title: "borders ÷ external",
    about: "what the borders counted over what the ledgers did",
    figure: (row) => mean(row.borderToExternal, formatRatio),
    needs: "borders",
  },
  {
    title: "p50",
    unit: "s",
    about: "half of the downloaders were complete",
    figure: (row) => mean(row.p50Ms, formatSeconds),
  },
  {
    title: "p90",
    unit: "s",
    about: "nine in ten downloaders were complete",
    figure: (row) => mean(row.p90Ms, formatSeconds),
  },
  {
    title: "max",
    unit: "s",
    about: "the last downloader was complete",
    figure: (row) => mean(row.maxMs, formatSeconds),
  },
  {
    title: "p50 ÷ BitTorrent",
    about: "p50 over BitTorrent's of the same repetition; median",
    figure: (row) => median(row.p50ToBitTorrent, formatRatio),
  },
  {
    title: "p90 ÷ BitTorrent",
    about: "p90 over BitTorrent's of the same repetition; median",
    figure: (row) => median(row.p90ToBitTorrent, formatRatio),
  },
];

/** What explains them. */
export const DETAIL_COLUMNS: readonly Column[] = [
  {
    title: "leaders p50",
    unit: "s",
    about: "of the peers that were leaders when they completed",
    figure: (row) => mean(row.leaderP50Ms, formatSeconds),
  },
  {
    title: "leaders p90",
    unit: "s",
    about: "of the peers that were leaders when they completed",
    figure: (row) => mean(row.leaderP90Ms, formatSeconds),
  },
  {
    title: "others p50",
    unit: "s",
    about: "of the peers that were no leaders when they completed: followers",
    figure: (row) => mean(row.followerP50Ms, formatSeconds),
  },
  {
    title: "others p90",
    unit: "s",
    about: "of the peers that were no leaders when they completed: followers",
    figure: (row) => mean(row.followerP90Ms, formatSeconds),
  },
  {
    title: "lower bound",
    unit: "s",
    about: "the least time in which these capacities allow the last downloader to be complete",
    figure: (row) => mean(row.lowerBoundMs, formatSeconds),
  },
  {
    title: "p50 ÷ bound",
    about: "p50 over the lower bound, which is for the last downloader: it may be below 1",
    figure: (row) => mean(row.p50ToBound, formatRatio),
  },
  {
    title: "p90 ÷ bound",
    about: "p90 over the lower bound, which is for the last downloader: it may be below 1",
    figure: (row) => mean(row.p90ToBound, formatRatio),
  },
  {
    title: "unfinished",
    unit: "MiB",
    about:
      "external payload bytes that did not become a verified piece that mostly came from outside: pieces begun and not finished",
    figure: (row) => mean(row.partialBytes, formatFewMebibytes),
  },
  {
    title: "escapes",
    about: "a follower fetched from outside because no leader helped; a repetition",
    figure: (row) => mean(row.escapes, formatCount),
  },
  {
    title: "claims denied",
    about: "a repetition",
    figure: (row) => mean(row.claimsDenied, formatCount),
  },
  {
    title: "claims expired",
    about: "a repetition",
    figure: (row) => mean(row.claimsExpired, formatCount),
  },
  {
    title: "complete",
    unit: "peers",
    about: "peers that hold everything at the end ÷ all peers, initial seeds in both",
    figure: complete,
  },
  {
    title: "lag p99",
    unit: "ms",
    about:
      "event-loop lag of the machine that ran it, real time; over 100 ms it set the pace; unknown in containers",
    figure: (row) => mean(row.lagP99Ms, formatCount),
  },
  {
    title: "CPU",
    unit: "cores",
    about:
      "all processes and threads of the run together, in containers the whole machine; 1 is one core in full",
    figure: (row) => mean(row.cpu, (value) => value.toFixed(2)),
  },
];

/** Those of the columns that the report has anything for. */
export function shownColumns(columns: readonly Column[], report: TestbedReport): Column[] {
  const hasBorders = report.cells.some((cell) => cell.borders !== undefined);
  return columns.filter(({ needs }) => needs === undefined || hasBorders);
}

/** What a reader has to know before believing a row: `1 partial`, `machine-limited 2/3`. */
export function marksOf(row: SummaryRow): string[] {
  const marks: string[] = [];
  if (row.partial > 0) marks.push(`${row.partial} partial`);
  if (row.failed > 0) marks.push(`${row.failed} failed`);
  if (row.machineLimited > 0) marks.push(`machine-limited ${row.machineLimited}/${row.done}`);
  return marks;
}

function mean(spread: Spread | null, format: (value: number) => string): Figure {
  return spread ? { value: format(spread.mean), range: rangeOf(spread, format) } : unmeasured();
}

function median(spread: Spread | null, format: (value: number) => string): Figure {
  return spread ? { value: format(spread.median), range: rangeOf(spread, format) } : unmeasured();
}

function rangeOf({ min, max }: Spread, format: (value: number) => string): string {
  return format(min) === format(max) ? "" : `${format(min)}–${format(max)}`;
}

function complete({ completed, peers }: SummaryRow): Figure {
  if (!completed || !peers) return unmeasured();
  const range = rangeOf(completed, formatCount);
  return {
    value: `${formatCount(completed.mean)}/${formatCount(peers.mean)}`,
    range,
  };
}

function unmeasured(): Figure {
  return { value: NOTHING, range: "" };
}
