import type { FileView, TorrentView } from "@cachetorrent/control";
import type { PeerDetails, TrackerDetails, WebSeedStatus } from "@cachetorrent/peer";
import { formatRate, formatSize } from "@cachetorrent/protocol";
import { counted } from "../counted.ts";
import { printable } from "../printable.ts";
import { duration, percent, progressFraction, roleWords } from "../report/progress-line.ts";
import { table } from "../table.ts";
import { type Column, columnLines } from "./columns.ts";
import { limitWords } from "./torrent-table.ts";

const IN_SWARM: ReadonlySet<TorrentView["state"]> = new Set(["metadata", "downloading", "seeding"]);

/** One torrent in full, a line for each of what is known of it. */
export function torrentText(torrent: TorrentView): string {
  const { asn, claims, length, paused, policy, shared, stopRule, wanted, webSeeds = [] } = torrent;
  const rows: [string, string][] = [
    ["name", printable(torrent.name)],
    ["info-hash", torrent.infoHash],
    ["state", `${stateWords(torrent)}${paused === undefined ? "" : `, ${printable(paused)}`}`],
    ...(torrent.error === undefined ? [] : [["error", printable(torrent.error)] as [string, string]]),
    ["folder", printable(torrent.dir)],
    ["added", new Date(torrent.addedAt).toISOString()],
    ["size", torrent.metadata ? "unknown" : formatSize(length)],
    ["done", percent(progressFraction(torrent))],
    ["in", formatRate(torrent.rateIn)],
    ["out", formatRate(torrent.rateOut)],
    [
      "received",
      `${formatSize(torrent.internalBytes)} inside, ${formatSize(torrent.externalBytes)} from outside its AS`,
    ],
    ["sent", formatSize(torrent.sentBytes)],
    ["peers", String(torrent.peers)],
    ...webSeeds.map((one) => ["web seed", webSeedWords(one)] as [string, string]),
    ["AS", asn === 0 ? "unknown" : `AS${asn}`],
    ["policy", policy ?? "unknown"],
    ["role", standing(torrent)],
    ...(claims ? [["claim book", claimWords(claims)] as [string, string]] : []),
    ["limits", limitWords(torrent.limits)],
    ["stops", stopWords(stopRule)],
    ...(shared ? [["shared", sharedWords(shared, wanted?.length ?? length)] as [string, string]] : []),
  ];
  if (torrent.etaMs !== undefined) rows.push(["ETA", duration(torrent.etaMs)]);
  return table(rows);
}

const FILES: readonly Column<FileView>[] = [
  { title: "FILE", isNumber: true, of: ({ index }) => String(index) },
  { title: "PRIORITY", of: ({ priority }) => priority },
  {
    title: "DONE",
    isNumber: true,
    of: ({ length, verifiedBytes }) =>
      verifiedBytes === null ? "?" : percent(length === 0 ? 1 : verifiedBytes / length),
  },
  { title: "SIZE", isNumber: true, of: ({ length }) => formatSize(length) },
  { title: "PATH", of: ({ path }) => printable(path) },
];

export function fileLines(files: readonly FileView[]): string[] {
  return files.length === 0 ? ["no files are known yet"] : columnLines(FILES, files);
}

const PEERS: readonly Column<PeerDetails>[] = [
  { title: "PEER", of: ({ direction, endpoint }) => `${direction === "in" ? "from" : "to"} ${endpoint}` },
  { title: "AS", isNumber: true, of: ({ asn }) => (asn === 0 ? "?" : String(asn)) },
  { title: "SIDE", of: ({ isInternal }) => (isInternal ? "internal" : "external") },
  { title: "HAS", isNumber: true, of: ({ fraction }) => percent(fraction) },
  { title: "IN", isNumber: true, of: ({ rateIn }) => formatRate(rateIn) },
  { title: "OUT", isNumber: true, of: ({ rateOut }) => formatRate(rateOut) },
  { title: "CLIENT", of: ({ isMember, peerId }) => clientOf(peerId) + (isMember ? "" : ", stock") },
];

export function peerLines(peers: readonly PeerDetails[]): string[] {
  return peers.length === 0 ? ["no peers"] : columnLines(PEERS, peers);
}

const TRACKERS: readonly Column<TrackerDetails>[] = [
  { title: "TRACKER", of: ({ url }) => printable(url) },
  { title: "SEEDERS", isNumber: true, of: ({ seeders }) => String(seeders ?? "?") },
  { title: "LEECHERS", isNumber: true, of: ({ leechers }) => String(leechers ?? "?") },
  {
    title: "NEXT",
    isNumber: true,
    of: ({ isAsked, nextInMs }) => (isAsked ? "now" : nextInMs === null ? "-" : duration(nextInMs)),
  },
  {
    title: "LAST",
    of: ({ result, warning }) =>
      printable(`${result ?? "-"}${warning === undefined ? "" : `, warns: ${warning}`}`),
  },
];

export function trackerLines(trackers: readonly TrackerDetails[]): string[] {
  return trackers.length === 0 ? ["no trackers"] : columnLines(TRACKERS, trackers);
}

/** By the first 8 characters of the id (BEP 20): `-TR4060-`. */
function clientOf(peerId: string): string {
  return printable(Buffer.from(peerId, "hex").subarray(0, 8).toString("latin1").replaceAll("-", ""));
}

/** What it is in its swarm; as long as that is nothing, what it waits for, too. */
function standing(torrent: TorrentView): string {
  const { leads, role, state, term } = torrent;
  const waits = role === "pending" && IN_SWARM.has(state);
  return [
    role,
    ...(waits ? [roleWords(torrent)] : []),
    ...(leads ? ["elected leader"] : []),
    ...(term === undefined ? [] : [`term ${term}`]),
  ].join(", ");
}

/** What rules to stop by go by. */
function sharedWords(
  { seededMs, sentBytes }: NonNullable<TorrentView["shared"]>,
  wantedBytes: number,
): string {
  const ratio = wantedBytes === 0 ? "" : ` (ratio ${(sentBytes / wantedBytes).toFixed(2)})`;
  return `${formatSize(sentBytes)}${ratio}, seeded for ${duration(seededMs)}`;
}

/** What the books have seen that it kept as the head of its AS. */
function claimWords({ asked, denied, expired, granted }: NonNullable<TorrentView["claims"]>): string {
  const claims = `${counted(asked, "claim")} asked, ${denied} denied`;
  return `${claims}; ${counted(granted, "piece")} granted, ${counted(expired, "grant")} expired`;
}

function webSeedWords({ reason = "", receivedBytes, restsUntil = 0, state, url }: WebSeedStatus): string {
  const states = {
    idle: "idle",
    asking: "asking",
    resting: `resting until ${new Date(restsUntil).toISOString()}, it ${reason}`,
    dropped: `left out, it ${reason}`,
  };
  return printable(`${url}, ${formatSize(receivedBytes)} received, ${states[state]}`);
}

/** Why one that stopped did: what else ends it ends the daemon, too. */
export function stateWords({ state, stopRule }: Pick<TorrentView, "state" | "stopRule">): string {
  if (state !== "stopped") return state;
  return `stopped by its rule${Object.keys(stopRule).length > 0 ? ` (${stopWords(stopRule)})` : ""}`;
}

/** When it stops by itself, in words. */
export function stopWords({ afterMs, ratio }: TorrentView["stopRule"]): string {
  const words = [
    ...(ratio === undefined ? [] : [`at ratio ${ratio}`]),
    ...(afterMs === undefined ? [] : [`${duration(afterMs)} after it is complete`]),
  ];
  return words.join(" or ") || "never";
}
