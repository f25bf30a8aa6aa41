import { printable } from "../printable.ts";
import type { TerminalDisplay } from "../terminal-display.ts";
import type { PeerReport } from "./peer-report.ts";
import { progressLine } from "./progress-line.ts";

/** For a person at a terminal: a line a torrent, redrawn in place. */
export function liveReport(display: TerminalDisplay): PeerReport {
  return {
    listening: ({ endpoint }) => display.printAbove(`listening on ${endpoint}`),
    progress: (status) => display.show(status.torrents.map(progressLine)),
    // Its line is at 100% and the log has said so: no need for a third time.
    complete: () => undefined,
    failed: (error, torrent) =>
      display.printAbove(torrent ? `${printable(torrent.name)}: ${printable(error.message)}` : error.message),
    stopped: (status) => {
      display.show(status.torrents.map(progressLine));
      display.close();
    },
  };
}
