import type { DaemonStatus, LimitValues, TorrentView } from "@cachetorrent/control";
import { formatRate, formatSize } from "@cachetorrent/protocol";
import { cutToCells } from "../cells.ts";
import { counted } from "../counted.ts";
import { printable } from "../printable.ts";
import { duration, percent, progressFraction } from "../report/progress-line.ts";
import { type Column, columnLines } from "./columns.ts";

const NAME_CELLS = 32;

const COLUMNS: readonly Column<TorrentView>[] = [
  { title: "ID", of: ({ infoHash }) => infoHash.slice(0, 8) },
  { title: "NAME", of: ({ name }) => cutToCells(printable(name), NAME_CELLS) },
  { title: "STATE", of: ({ state }) => state },
  { title: "DONE", isNumber: true, of: (torrent) => percent(progressFraction(torrent)) },
  { title: "SIZE", isNumber: true, of: ({ length }) => formatSize(length) },
  { title: "IN", isNumber: true, of: ({ rateIn }) => formatRate(rateIn) },
  { title: "OUT", isNumber: true, of: ({ rateOut }) => formatRate(rateOut) },
  { title: "INTERNAL", isNumber: true, of: ({ internalBytes }) => formatSize(internalBytes) },
  { title: "EXTERNAL", isNumber: true, of: ({ externalBytes }) => formatSize(externalBytes) },
  { title: "SENT", isNumber: true, of: ({ sentBytes }) => formatSize(sentBytes) },
  { title: "PEERS", isNumber: true, of: ({ peers }) => String(peers) },
  { title: "ROLE", of: ({ role }) => role },
  { title: "ETA", isNumber: true, of: ({ etaMs }) => (etaMs === undefined ? "-" : duration(etaMs)) },
];

/** All torrents, a line each, and the reasons of those that failed. */
export function torrentLines(torrents: readonly TorrentView[]): string[] {
  if (torrents.length === 0) return ["no torrents"];
  const failed = torrents.filter(({ error }) => error !== undefined);
  return [
    ...columnLines(COLUMNS, torrents),
    ...failed.map(({ error = "", infoHash }) => `${infoHash.slice(0, 8)}: ${printable(error)}`),
  ];
}

/** The daemon in one line. */
export function daemonLine({
  connections,
  endpoint,
  limits,
  torrents,
}: Pick<DaemonStatus, "connections" | "endpoint" | "limits" | "torrents">): string {
  const sum = (of: (torrent: TorrentView) => number) => torrents.reduce((total, one) => total + of(one), 0);
  return [
    `listening on ${endpoint}`,
    counted(torrents.length, "torrent"),
    counted(connections, "connection"),
    `in ${formatRate(sum(({ rateIn }) => rateIn))}`,
    `out ${formatRate(sum(({ rateOut }) => rateOut))}`,
    `limits ${limitWords(limits)}`,
  ].join(", ");
}

/** `up 2.00 MB/s, down-external 500 kB/s`, or `none`. */
export function limitWords(limits: LimitValues): string {
  const words = Object.entries(limits).flatMap(([name, rate]) =>
    typeof rate === "number" ? [`${name} ${formatRate(rate)}`] : [],
  );
  return words.join(", ") || "none";
}
