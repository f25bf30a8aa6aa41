import { borderBytes } from "./crossed.ts";
import { bitTorrentOf, isDone, ratio } from "./pairing.ts";
import type { CellResult, ReportedPolicy, TestbedReport } from "./results.ts";
import { type Spread, spreadOf } from "./spread.ts";

/** One policy under one variant, over its repetitions. Definitions: docs/report.md. */
export interface SummaryRow {
  readonly policy: ReportedPolicy;
  readonly variant: string;
  readonly done: number;
  /** Ended early or failed: they are in no figure of this row. */
  readonly partial: number;
  readonly failed: number;
  /** Of those done. Their figures count, and are marked. */
  readonly machineLimited: number;
  readonly redundancy: Spread | null;
  readonly redundancyMax: Spread | null;
  readonly seedRedundancy: Spread | null;
  readonly externalBytes: Spread | null;
  readonly partialBytes: Spread | null;
  /** What the borders sent into their ASes, and over what their peers' ledgers have; null where there are no borders. */
  readonly borderBytes: Spread | null;
  readonly borderToExternal: Spread | null;
  readonly p50Ms: Spread | null;
  readonly p90Ms: Spread | null;
  readonly maxMs: Spread | null;
  readonly leaderP50Ms: Spread | null;
  readonly leaderP90Ms: Spread | null;
  readonly followerP50Ms: Spread | null;
  readonly followerP90Ms: Spread | null;
  readonly lowerBoundMs: Spread | null;
  /** To BitTorrent's of the same repetition. */
  readonly p50ToBitTorrent: Spread | null;
  readonly p90ToBitTorrent: Spread | null;
  /** To the bound of the same cell. */
  readonly p50ToBound: Spread | null;
  readonly p90ToBound: Spread | null;
  readonly escapes: Spread | null;
  readonly claimsDenied: Spread | null;
  readonly claimsExpired: Spread | null;
  readonly completed: Spread | null;
  readonly peers: Spread | null;
  readonly lagP99Ms: Spread | null;
  readonly cpu: Spread | null;
}

/** Rows by variant, then by policy, both in the order in which the cells name them. */
export function summarise(report: TestbedReport): SummaryRow[] {
  return variantsOf(report).flatMap((variant) =>
    policiesOf(report)
      .map((policy) => report.cells.filter((cell) => isOf(cell, policy, variant)))
      .filter((cells) => cells.length > 0)
      .map((cells) => rowOf(cells, report.cells)),
  );
}

export function variantsOf(report: TestbedReport): string[] {
  return [...new Set(report.cells.map((cell) => cell.variant))];
}

/** One for each label. */
export function policiesOf(report: TestbedReport): ReportedPolicy[] {
  const byLabel = new Map<string, ReportedPolicy>();
  for (const { policy } of report.cells) if (!byLabel.has(policy.label)) byLabel.set(policy.label, policy);
  return [...byLabel.values()];
}

export function isOf(cell: CellResult, policy: ReportedPolicy, variant: string): boolean {
  return cell.policy.label === policy.label && cell.variant === variant;
}

/** A cell by itself, whether it ran to its end or not: what it measured until it ended. It is compared with no other. */
export function rowOfCell(cell: CellResult): SummaryRow {
  return rowOf([cell], [], () => cell.state !== "failed");
}

function rowOf(
  cells: readonly CellResult[],
  all: readonly CellResult[],
  counts: (cell: CellResult) => boolean = isDone,
): SummaryRow {
  const [first] = cells as [CellResult];
  const done = cells.filter(isDone);
  const counted = cells.filter(counts);
  const over = (figure: (cell: CellResult) => number | null) => spreadOf(counted.map(figure));
  return {
    policy: first.policy,
    variant: first.variant,
    done: done.length,
    partial: cells.filter((cell) => cell.state === "partial").length,
    failed: cells.filter((cell) => cell.state === "failed").length,
    machineLimited: done.filter((cell) => cell.isMachineLimited).length,
    redundancy: over((cell) => cell.redundancy),
    redundancyMax: over((cell) => cell.redundancyMax),
    seedRedundancy: over((cell) => cell.seedRedundancy),
    externalBytes: over((cell) => cell.externalBytes),
    partialBytes: over((cell) => cell.partialBytes),
    borderBytes: over((cell) => borderBytes(cell, "in")),
    borderToExternal: over((cell) => ratio(borderBytes(cell, "in"), cell.externalBytes)),
    p50Ms: over((cell) => cell.p50Ms),
    p90Ms: over((cell) => cell.p90Ms),
    maxMs: over((cell) => cell.maxMs),
    leaderP50Ms: over((cell) => cell.leaders.p50Ms),
    leaderP90Ms: over((cell) => cell.leaders.p90Ms),
    followerP50Ms: over((cell) => cell.followers.p50Ms),
    followerP90Ms: over((cell) => cell.followers.p90Ms),
    lowerBoundMs: over((cell) => cell.lowerBoundMs),
    p50ToBitTorrent: over((cell) => ratio(cell.p50Ms, bitTorrentOf(cell, all)?.p50Ms)),
    p90ToBitTorrent: over((cell) => ratio(cell.p90Ms, bitTorrentOf(cell, all)?.p90Ms)),
    p50ToBound: over((cell) => ratio(cell.p50Ms, cell.lowerBoundMs)),
    p90ToBound: over((cell) => ratio(cell.p90Ms, cell.lowerBoundMs)),
    escapes: over((cell) => cell.escapes.length),
    claimsDenied: over((cell) => cell.claims.denied),
    claimsExpired: over((cell) => cell.claims.expired),
    completed: over((cell) => cell.completed),
    peers: over((cell) => cell.peers),
    lagP99Ms: over((cell) => cell.eventLoopLagP99Ms),
    cpu: over((cell) => cell.cpu),
  };
}
