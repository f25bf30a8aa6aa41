import type { DaemonStatus, LimitValues, TorrentView } from "@cachetorrent/control";
import { formatRate, formatSize } from "@cachetorrent/protocol";
import { cutToCells } from "../cells.ts";
import { counted } from "../counted.ts";
import { printable } from "../printable.ts";
import { duration, percent, progressFraction, TROUBLE } from "../report/progress-line.ts";
import { type Column, columnLines, fittingColumns } from "./columns.ts";

const NAME_CELLS = 32;
const NAME_CELLS_LEAST = 8;
/** `500.0 kB/s` and `500.0 KiB`; few are longer. */
const RATE_CELLS = 10;
const SIZE_CELLS = 9;

/** What gives way on a narrow terminal is what is least missed while one looks on; `status TORRENT` has all of it. */
const COLUMNS: readonly Column<TorrentView>[] = [
  { title: "ID", givesWay: 6, of: ({ infoHash }) => infoHash.slice(0, 8) },
  {
    title: "NAME",
    leastCells: NAME_CELLS_LEAST,
    of: ({ name }) => cutToCells(printable(name), NAME_CELLS),
  },
  { title: "STATE", givesWay: 8, of: ({ state }) => state },
  { title: "DONE", isNumber: true, usualCells: 6, of: (torrent) => percent(progressFraction(torrent)) },
  {
    title: "SIZE",
    isNumber: true,
    givesWay: 1,
    usualCells: SIZE_CELLS,
    of: ({ length, metadata }) => (metadata ? "?" : formatSize(length)),
  },
  {
    title: "IN",
    isNumber: true,
    givesWay: 7,
    usualCells: RATE_CELLS,
    of: ({ rateIn }) => formatRate(rateIn),
  },
  {
    title: "OUT",
    isNumber: true,
    givesWay: 5,
    usualCells: RATE_CELLS,
    of: ({ rateOut }) => formatRate(rateOut),
  },
  {
    title: "INTERNAL",
    isNumber: true,
    givesWay: 3,
    usualCells: SIZE_CELLS,
    of: ({ internalBytes }) => formatSize(internalBytes),
  },
  {
    title: "EXTERNAL",
    isNumber: true,
    givesWay: 4,
    usualCells: SIZE_CELLS,
    of: ({ externalBytes }) => formatSize(externalBytes),
  },
  {
    title: "SENT",
    isNumber: true,
    givesWay: 2,
    usualCells: SIZE_CELLS,
    of: ({ sentBytes }) => formatSize(sentBytes),
  },
  { title: "PEERS", isNumber: true, of: ({ peers }) => String(peers) },
  { title: "ROLE", of: ({ role }) => role },
  {
    title: "ETA",
    isNumber: true,
    usualCells: 6,
    of: ({ etaMs }) => (etaMs === undefined ? "-" : duration(etaMs)),
  },
];

/** All torrents, a line each, and what is wrong with those that failed, or whose trackers do not work. `cells` is how wide a table may be that has to fit. */
export function torrentLines(torrents: readonly TorrentView[], cells?: number): string[] {
  if (torrents.length === 0) return ["no torrents"];
  const columns = cells === undefined ? COLUMNS : fittingColumns(COLUMNS, torrents, cells);
  return [
    ...columnLines(columns, torrents),
    ...torrents.flatMap(({ error, infoHash, tracker }) => {
      const wrong = error ?? (tracker && TROUBLE[tracker]);
      return wrong === undefined ? [] : `${infoHash.slice(0, 8)}: ${printable(wrong)}`;
    }),
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
