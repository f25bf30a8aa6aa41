import { type Asn, formatSize } from "@cachetorrent/protocol";
import { accountsOf, type ContentSize, externalBytes } from "../accounts.ts";
import type { WatchedSwarm } from "./watched-swarm.ts";

/** What came of a swarm that was watched: a row for each AS, and what matters in a sentence. */
export function renderWatched(swarm: WatchedSwarm, content: ContentSize): string {
  const accounts = accountsOf(swarm.peers, content);
  const asns = [...new Set(swarm.peers.map((peer) => peer.asn))].sort((a, b) => a - b);
  const rows = asns.map((asn) => rowOf(asn, swarm, content));
  const hasBorders = swarm.borders.length > 0;
  const head = [
    "AS",
    "complete",
    "copies taken in",
    "from outside",
    "p50",
    "max",
    ...(hasBorders ? ["border in", "border out"] : []),
  ];
  const lines = [head, ...rows.map((row) => row.slice(0, head.length))];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const table = lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] ?? 0)).join("  "));
  const { externalBytes: crossed, p50Ms, p90Ms, redundancy } = accounts;
  return [
    ...table,
    "",
    redundancy === null
      ? "No AS without a seed has a complete peer."
      : `Each byte entered an AS ${redundancy.toFixed(2)} times; ${formatSize(crossed)} crossed AS borders, ${formatSize(content.bytes)} is the content's size.`,
    `Half of the peers were complete after ${seconds(p50Ms)}, 90 % after ${seconds(p90Ms)}, all pieces verified.`,
    ...(hasBorders
      ? ["Borders count whole frames: headers, announces and all messages besides the content."]
      : []),
    "",
  ].join("\n");
}

function rowOf(asn: Asn, { borders, peers }: WatchedSwarm, content: ContentSize): string[] {
  const here = peers.filter((peer) => peer.asn === asn);
  const got = here.filter((peer) => !peer.initialSeed);
  const seeds = here.length - got.length;
  const outside = sum(got.map(externalBytes));
  const { maxMs, p50Ms } = accountsOf(got, content);
  const complete = got.filter((peer) => peer.ledger.completedAt !== null).length;
  const border = borders.find((one) => one.asn === asn);
  return [
    `${asn}`,
    `${complete} of ${got.length}${seeds > 0 ? `, ${seeds} seed${seeds > 1 ? "s" : ""}` : ""}`,
    seeds > 0 ? "-" : (outside / content.bytes).toFixed(3),
    formatSize(outside),
    seconds(p50Ms),
    seconds(maxMs),
    border ? formatSize(border.inBytes) : "-",
    border ? formatSize(border.outBytes) : "-",
  ];
}

function seconds(ms: number | null): string {
  return ms === null ? "-" : `${(ms / 1000).toFixed(1)} s`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
