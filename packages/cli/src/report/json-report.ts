import type { PeerStatus } from "@cachetorrent/peer";
import type { PeerReport } from "./peer-report.ts";

/**
 * One JSON object a line: `event` says what happened, `at` when (ms since the Unix epoch). Scripts rely on
 * these names; add to them, never rename.
 */
export function jsonReport(writeLine: (line: string) => void, now: () => number): PeerReport {
  const say = (event: string, fields: object) =>
    writeLine(JSON.stringify({ event, at: Math.round(now()), ...fields }));
  const figures = (status: PeerStatus) => ({ connections: status.connections, torrents: status.torrents });
  return {
    listening: (self) => say("listening", self),
    progress: (status) => say("progress", figures(status)),
    complete: ({ infoHash, name }) => say("complete", { infoHash, name }),
    failed: (error, torrent) =>
      say("failed", {
        ...(torrent && { infoHash: torrent.infoHash, name: torrent.name }),
        code: error.code,
        message: error.message,
      }),
    stopped: (status) => say("stopped", figures(status)),
  };
}
