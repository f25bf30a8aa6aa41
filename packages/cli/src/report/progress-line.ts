import type { TorrentStatus } from "@cachetorrent/peer";
import { formatRate, formatSize } from "@cachetorrent/protocol";
import { cellCount, cutToCells, fitToCells } from "../cells.ts";
import { counted } from "../counted.ts";
import { printable } from "../printable.ts";

const GAP = "  ";
/** From so many columns on there is room for a longer name and bar. */
const WIDE_COLUMNS = 100;
const WIDE = { nameCells: 24, barCells: 20 };
const NARROW = { nameCells: 16, barCells: 10 };
/** Why no tracker is of use. */
export const TROUBLE = {
  unreachable: "no tracker answers",
  refused: "the tracker refuses",
  none: "no tracker: --dht finds peers",
} as const;

/** One torrent on a terminal: one line, or as many as its figures need on a terminal of so many columns. */
export function progressLines(torrent: TorrentStatus, columns: number): string[] {
  const { nameCells, barCells } = columns >= WIDE_COLUMNS ? WIDE : NARROW;
  const fraction = progressFraction(torrent);
  const lines = [
    fitToCells(printable(torrent.name), nameCells) +
      GAP +
      `${bar(fraction, barCells)} ${percent(fraction).padStart(6)}`,
  ];
  for (const part of details(torrent)) {
    const longer = lines.at(-1) + GAP + part;
    if (cellCount(longer) <= columns) lines[lines.length - 1] = longer;
    else lines.push(GAP + part);
  }
  return lines.map((line) => cutToCells(line, columns));
}

/** What is known of how far a torrent is: while its metadata is fetched, how far that is, and while it is checked the check. */
export function progressFraction(torrent: TorrentStatus): number {
  if (torrent.metadata) return torrent.metadata.received / Math.max(1, torrent.metadata.size);
  if (torrent.state === "checking") return torrent.checkedFraction;
  const { length, verifiedBytes } = torrent.wanted ?? torrent;
  return length === 0 ? 1 : verifiedBytes / length;
}

/** `100%` is for what is whole: 99.99 % stays 99.9%. */
export function percent(fraction: number): string {
  return fraction >= 1 ? "100%" : `${(Math.floor(fraction * 1000) / 10).toFixed(1)}%`;
}

/** `1h02m`, `3m05s`, `7s`. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds >= 360_000) return "over 99h";
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  if (h > 0) return `${h}h${two(m)}m`;
  return m > 0 ? `${m}m${two(s)}s` : `${s}s`;
}

/** What the peer is in this swarm; or, as long as it is nothing, what it waits for. */
export function roleWords({ policy, role, state, tracker }: TorrentStatus): string {
  if (role !== "pending") return role;
  if (tracker) return TROUBLE[tracker];
  if (state === "metadata") return "waiting for metadata";
  return policy === undefined ? "waiting for the tracker" : "waiting for leaders";
}

function details(torrent: TorrentStatus): string[] {
  switch (torrent.state) {
    case "metadata":
      return [
        "fetching metadata",
        counted(torrent.peers, "peer"),
        ...(torrent.tracker ? [TROUBLE[torrent.tracker]] : []),
      ];
    case "checking":
      return ["checking what is on disk"];
    case "paused":
      return [`paused: ${printable(torrent.paused ?? "")}`];
    case "stopped":
      return [
        "stopped",
        `received ${formatSize(torrent.internalBytes)} inside, ${formatSize(torrent.externalBytes)} from outside`,
        `sent ${formatSize(torrent.sentBytes)}`,
      ];
    case "failed":
      return [`failed: ${printable(torrent.error ?? "")}`];
    case "seeding":
    case "downloading": {
      const parts = [
        `in ${formatRate(torrent.rateIn)}`,
        `out ${formatRate(torrent.rateOut)}`,
        `internal ${formatSize(torrent.internalBytes)}`,
        `external ${formatSize(torrent.externalBytes)}`,
        counted(torrent.peers, "peer"),
        roleWords(torrent),
      ];
      if (torrent.state === "downloading") {
        parts.push(`ETA ${torrent.etaMs === undefined ? "unknown" : duration(torrent.etaMs)}`);
      }
      return parts;
    }
  }
}

export function bar(fraction: number, cells: number): string {
  const full = Math.floor(Math.min(1, Math.max(0, fraction)) * cells);
  return `[${"#".repeat(full)}${"-".repeat(cells - full)}]`;
}
