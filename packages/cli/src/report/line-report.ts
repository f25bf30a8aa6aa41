import type { PeerStatus, TorrentState, TorrentStatus } from "@cachetorrent/peer";
import { formatRate, formatSize, type InfoHash } from "@cachetorrent/protocol";
import { counted } from "../counted.ts";
import { printable } from "../printable.ts";
import type { PeerReport } from "./peer-report.ts";
import { duration, percent, progressFraction, roleWords, TROUBLE } from "./progress-line.ts";

const STEP = 0.1;

/** For a file or a pipe: one plain line when something is worth it, which for progress is every tenth. */
export function lineReport(writeLine: (line: string) => void): PeerReport {
  /** By torrent: the state, and the last tenth of the way, that was told. */
  const told = new Map<InfoHash, { state: string; step: number }>();
  let hasToldWaiting = false;

  function tell(torrent: TorrentStatus): void {
    const step = Math.floor(progressFraction(torrent) / STEP + 1e-9);
    const last = told.get(torrent.infoHash);
    // Less than before, and it has begun anew: removed and added, or with more files.
    if (last?.state === torrent.state && last.step === step) return;
    told.set(torrent.infoHash, { state: torrent.state, step });
    const line = stateLine(torrent);
    if (line !== undefined) writeLine(`${printable(torrent.name)}: ${line}`);
  }

  return {
    listening({ control, endpoint, torrents }) {
      writeLine(`listening on ${endpoint}`);
      if (control) writeLine(`takes orders at ${control.endpoint}, token in ${printable(control.tokenFile)}`);
      for (const { name, infoHash } of torrents) writeLine(`${printable(name)}: info-hash ${infoHash}`);
    },
    waiting: (_, file) => {
      if (!hasToldWaiting) writeLine(waitingWords(file));
      hasToldWaiting = true;
    },
    hasProgress: ({ infoHash, state }) => !hasEnded(state) || told.get(infoHash)?.state !== state,
    progress: (status) => status.torrents.forEach(tell),
    complete: ({ name }) => writeLine(`${printable(name)}: complete`),
    shared: ({ name }, reason) => writeLine(`${printable(name)}: stopped, ${reason}`),
    failed: (error, torrent) =>
      writeLine(`${torrent ? `${printable(torrent.name)}: ` : ""}failed: ${printable(error.message)}`),
    stopped: (status: PeerStatus) => {
      for (const torrent of status.torrents) writeLine(`${printable(torrent.name)}: ${lastLine(torrent)}`);
    },
  };
}

export function waitingWords(file: string): string {
  return `waiting until there is ${printable(file)}`;
}

/** There is no way left to go. */
function hasEnded(state: TorrentState): boolean {
  return state === "seeding" || state === "stopped" || state === "failed";
}

/** Completion and failure have events of their own and are not said twice. */
function stateLine(torrent: TorrentStatus): string | undefined {
  const done = percent(progressFraction(torrent));
  switch (torrent.state) {
    case "metadata":
      return `fetching metadata, ${done}${torrent.tracker ? `, ${TROUBLE[torrent.tracker]}` : ""}`;
    case "checking":
      return `checking what is on disk, ${done}`;
    case "downloading": {
      const eta = torrent.etaMs === undefined ? "" : `, ETA ${duration(torrent.etaMs)}`;
      return `${done}, in ${formatRate(torrent.rateIn)}, ${counted(torrent.peers, "peer")}, ${roleWords(torrent)}${eta}`;
    }
    case "paused":
      return `paused at ${done}: ${printable(torrent.paused ?? "")}`;
    case "seeding":
    case "stopped":
    case "failed":
      return undefined;
  }
}

function lastLine(torrent: TorrentStatus): string {
  return [
    `stopped at ${percent(progressFraction(torrent))}`,
    `received ${formatSize(torrent.internalBytes)} inside and ${formatSize(torrent.externalBytes)} from outside its AS`,
    `sent ${formatSize(torrent.sentBytes)}`,
  ].join(", ");
}
