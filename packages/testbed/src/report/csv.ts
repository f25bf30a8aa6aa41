import { borderBytes } from "./crossed.ts";
import { bitTorrentOf, isDone, ratio } from "./pairing.ts";
import type { CellResult, TestbedReport } from "./results.ts";

type Field = string | number | boolean | null | undefined;
type Read = (cell: CellResult, report: TestbedReport) => Field;

/** The columns of `report.csv`, in their order; docs/report.md tells what they are, and a test that it does. */
export const CSV_COLUMNS: Readonly<Record<string, Read>> = {
  scenario: (_, report) => report.scenario,
  variant: (cell) => cell.variant,
  policy: (cell) => cell.policy.label,
  policyName: (cell) => cell.policy.name,
  leaderPercent: (cell) => cell.policy.leaderPercent,
  externalPercent: (cell) => cell.policy.externalPercent,
  handOut: (cell) => cell.policy.handOut,
  ranges: (cell) => cell.policy.ranges,
  fetchers: (cell) => cell.policy.fetchers,
  relief: (cell) => cell.policy.relief,
  repetition: (cell) => cell.repetition,
  state: (cell) => cell.state,
  why: (cell) => cell.why,
  isMachineLimited: (cell) => cell.isMachineLimited,
  redundancy: (cell) => cell.redundancy,
  redundancyMax: (cell) => cell.redundancyMax,
  seedRedundancy: (cell) => cell.seedRedundancy,
  externalBytes: (cell) => cell.externalBytes,
  partialBytes: (cell) => cell.partialBytes,
  p50Ms: (cell) => cell.p50Ms,
  p90Ms: (cell) => cell.p90Ms,
  maxMs: (cell) => cell.maxMs,
  leaderP50Ms: (cell) => cell.leaders.p50Ms,
  leaderP90Ms: (cell) => cell.leaders.p90Ms,
  followerP50Ms: (cell) => cell.followers.p50Ms,
  followerP90Ms: (cell) => cell.followers.p90Ms,
  lowerBoundMs: (cell) => cell.lowerBoundMs,
  p50ToBitTorrent: (cell, report) => ofDone(cell, () => ratio(cell.p50Ms, pair(cell, report)?.p50Ms)),
  p90ToBitTorrent: (cell, report) => ofDone(cell, () => ratio(cell.p90Ms, pair(cell, report)?.p90Ms)),
  p50ToBound: (cell) => ofDone(cell, () => ratio(cell.p50Ms, cell.lowerBoundMs)),
  p90ToBound: (cell) => ofDone(cell, () => ratio(cell.p90Ms, cell.lowerBoundMs)),
  escapes: (cell) => cell.escapes.length,
  claimsAsked: (cell) => cell.claims.asked,
  claimsGranted: (cell) => cell.claims.granted,
  claimsDenied: (cell) => cell.claims.denied,
  claimsExpired: (cell) => cell.claims.expired,
  completed: (cell) => cell.completed,
  peers: (cell) => cell.peers,
  wallMs: (cell) => cell.wallMs,
  eventLoopLagP99Ms: (cell) => cell.eventLoopLagP99Ms,
  cpu: (cell) => cell.cpu,
  borderInBytes: (cell) => borderBytes(cell, "in"),
  borderOutBytes: (cell) => borderBytes(cell, "out"),
  faults: (cell) => cell.faults?.filter(({ atMs }) => atMs !== null).length,
  stockClients: (cell) => cell.stock?.length,
  stockCompleted: (cell) => cell.stock?.filter(({ completed }) => completed).length,
  stockExternalBytes: (cell) => cell.stockCrossings?.reduce((sum, { bytes }) => sum + bytes, 0),
};

/** A header and a line for each cell, those that are not done as well. RFC 4180, but for lines that end as on Unix. */
export function renderCsv(report: TestbedReport): string {
  const header = Object.keys(CSV_COLUMNS);
  const lines = report.cells.map((cell) => Object.values(CSV_COLUMNS).map((read) => read(cell, report)));
  return [header, ...lines].map((fields) => `${fields.map(field).join(",")}\n`).join("");
}

/** A time of a cell that was ended early says nothing beside one that ran to its end. */
function ofDone(cell: CellResult, figure: () => number | null): number | null {
  return isDone(cell) ? figure() : null;
}

function pair(cell: CellResult, report: TestbedReport): CellResult | undefined {
  return bitTorrentOf(cell, report.cells);
}

/** What was not measured is empty. */
function field(value: Field): string {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
