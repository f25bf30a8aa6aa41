import { formatSize, type PolicyName } from "@cachetorrent/protocol";
import type { Accounts } from "./accounts.ts";
import type { SwarmProgress } from "./swarm-run.ts";

/** A leader as the report names it. */
export interface ReportedLeader {
  readonly peerId: string;
  readonly endpoint: string;
}

export interface DemoRun extends Accounts {
  readonly policy: PolicyName;
  /** The most memory that any peer's process took. */
  readonly peakMemoryBytes: number;
  /** By AS number, head first. */
  readonly leaders: Readonly<Record<string, readonly ReportedLeader[]>>;
}

/** `out/demo/report.json`. */
export interface DemoReport {
  readonly command: string;
  readonly machine: string;
  /** Of the random content. */
  readonly seed: number;
  readonly contentBytes: number;
  readonly lowerBoundMs: number;
  readonly runs: readonly DemoRun[];
}

/** `bittorrent    4 s   complete  3/11   crossed  96.0 MiB`. */
export function progressLine(policy: PolicyName, elapsedMs: number, progress: SwarmProgress): string {
  const seconds = `${Math.round(elapsedMs / 1000)} s`.padStart(5);
  const complete = `${progress.completeLeechers}/${progress.leechers}`.padStart(5);
  return `  ${policy.padEnd(11)}${seconds}   complete ${complete}   crossed AS borders ${formatSize(progress.externalBytes)}`;
}

/** The figures of all runs side by side. */
export function demoTable(report: DemoReport): string {
  const rows: [string, (run: DemoRun) => string][] = [
    ["policy", (run) => run.policy],
    ["redundancy, mean", (run) => times(run.redundancy)],
    ["redundancy, max", (run) => times(run.redundancyMax)],
    ["seedRedundancy", (run) => times(run.seedRedundancy)],
    ["external bytes", (run) => formatSize(run.externalBytes)],
    ["completion p50", (run) => seconds(run.p50Ms)],
    ["completion p90", (run) => seconds(run.p90Ms)],
    ["completion max", (run) => seconds(run.maxMs)],
    ["peer memory, peak", (run) => formatSize(run.peakMemoryBytes)],
    ["complete peers", (run) => `${run.completed}/${run.peers}`],
  ];
  for (const asn of new Set(report.runs.flatMap((run) => Object.keys(run.leaders)))) {
    rows.push([`leaders of AS ${asn}`, (run) => hosts(run.leaders[asn] ?? [])]);
  }
  const cells = rows.map(([label, cell]) => [label, ...report.runs.map(cell)]);
  const widths =
    cells[0]?.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0))) ?? [];
  return cells
    .map((row) =>
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))),
    )
    .map((row) => `  ${row.join("   ")}`)
    .join("\n");
}

/** The one sentence that matters: what plain BitTorrent costs, and what the last policy does, in which part of the time. */
export function demoSentence(runs: readonly DemoRun[]): string {
  const plain = runs.find((run) => run.policy === "bittorrent") ?? runs[0];
  const best = runs.at(-1);
  if (!plain) return "Nothing was run.";
  const moved = `${nameOf(plain)} moved each byte ${times(plain.redundancy)} times across AS borders`;
  if (!best || best === plain) return `${moved}; once would do.`;
  const inTime =
    plain.p90Ms === null || best.p90Ms === null
      ? ""
      : `, in ${Math.round((100 * best.p90Ms) / plain.p90Ms)} % of the time (p90)`;
  return `${moved}; ${nameOf(best)} ${times(best.redundancy)}x${inTime}.`;
}

function nameOf({ policy }: DemoRun): string {
  return policy === "bittorrent" ? "BitTorrent" : policy;
}

function times(value: number | null): string {
  return value === null ? "-" : value.toFixed(2);
}

function seconds(ms: number | null): string {
  return ms === null ? "-" : `${(ms / 1000).toFixed(1)} s`;
}

/** Endpoints without their ports: which host it is matters, the ports are picked anew each run. */
function hosts(leaders: readonly ReportedLeader[]): string {
  return leaders.map((leader) => leader.endpoint.replace(/:\d+$/, "")).join(" ") || "-";
}
