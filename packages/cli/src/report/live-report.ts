import type { PeerStatus } from "@cachetorrent/peer";
import { cutToCells } from "../cells.ts";
import { printable } from "../printable.ts";
import type { TerminalDisplay } from "../terminal-display.ts";
import { lineReport, waitingWords } from "./line-report.ts";
import type { PeerReport } from "./peer-report.ts";
import { progressLines } from "./progress-line.ts";

/** For a person at a terminal: each torrent's figures, redrawn in place; plain lines while that may not be. */
export function liveReport(display: TerminalDisplay): PeerReport {
  const drawn = drawnReport(display);
  const plain = lineReport((line) => display.printAbove(line));
  const fitting = () => (display.canDraw ? drawn : plain);
  return {
    listening: (self) => fitting().listening(self),
    waiting: (status, file) => fitting().waiting(status, file),
    // Which of them is told to is found out once for all torrents, by `progress`: to look costs more than their figures.
    hasProgress: () => true,
    progress: (status) => fitting().progress(status),
    complete: (torrent) => fitting().complete(torrent),
    shared: (torrent, reason) => fitting().shared(torrent, reason),
    failed: (error, torrent) => fitting().failed(error, torrent),
    stopped: (status) => {
      fitting().stopped(status);
      display.restore();
    },
  };
}

function drawnReport(display: TerminalDisplay): PeerReport {
  const show = (status: PeerStatus) =>
    display.show(status.torrents.flatMap((torrent) => progressLines(torrent, display.columns)));
  return {
    listening: ({ endpoint }) => display.printAbove(`listening on ${endpoint}`),
    waiting: (_, file) => display.show([cutToCells(waitingWords(file), display.columns)]),
    hasProgress: () => true,
    progress: show,
    // Its lines say so, and the log has: no need for a third time.
    complete: () => undefined,
    shared: () => undefined,
    failed: (error, torrent) => {
      if (!torrent) display.printAbove(`failed: ${printable(error.message)}`);
    },
    stopped: show,
  };
}
