import type { ControlClient, ControlEvent, DaemonStatus, TorrentView } from "@cachetorrent/control";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { Context } from "../context.ts";
import { inForeground } from "../foreground.ts";
import { printable } from "../printable.ts";
import { lineReport } from "../report/line-report.ts";
import { TerminalDisplay } from "../terminal-display.ts";
import { daemonLine, torrentLines } from "./torrent-table.ts";

/**
 * Shows what the daemon does until it stops: on a terminal the table, redrawn in place; else a line for what is worth one, or, with `json`,
 * for each event. Resolves when nobody reads it any more, as after `| head`; rejects with CT_ERR_CONTROL when the daemon is gone.
 */
export async function follow(client: ControlClient, context: Context, json: boolean): Promise<void> {
  const { stdout } = context;
  const status = await client.status();
  const tell = json
    ? (event: ControlEvent) =>
        void stdout.write(`${JSON.stringify({ event: event.event, ...(event.data as object) })}\n`)
    : stdout.isTTY
      ? drawn(status, stdout)
      : lines((line) => void stdout.write(`${line}\n`));
  const nobodyReads = new Promise<void>((resolve) => stdout.once("error", () => resolve()));
  await Promise.race([nobodyReads, tellAll(client, tell)]);
}

async function tellAll(client: ControlClient, tell: (event: ControlEvent) => void): Promise<never> {
  for await (const event of client.events()) tell(event);
  throw new CtError("CT_ERR_CONTROL", "the daemon has stopped");
}

interface Progress {
  readonly connections: number;
  readonly torrents: readonly TorrentView[];
}

function drawn(status: DaemonStatus, stdout: NodeJS.WriteStream): (event: ControlEvent) => void {
  const display = new TerminalDisplay(stdout, inForeground);
  process.on("exit", () => display.restore());
  const torrents = new Map(status.torrents.map((torrent) => [torrent.infoHash, torrent]));
  let { limits } = status;
  return ({ data, event }) => {
    if (event === "removed") torrents.delete((data as TorrentView).infoHash);
    if (event === "limits") limits = (data as DaemonStatus).limits;
    if (event !== "progress") return;
    const { connections, torrents: changed } = data as Progress;
    for (const torrent of changed) torrents.set(torrent.infoHash, torrent);
    const all = [...torrents.values()];
    display.show([
      daemonLine({ ...status, connections, limits, torrents: all }),
      ...torrentLines(all, display.columns),
    ]);
  };
}

function lines(writeLine: (line: string) => void): (event: ControlEvent) => void {
  const report = lineReport(writeLine);
  return ({ data, event }) => {
    if (event === "progress") report.progress(data as Progress);
    else if (event !== "limits") writeLine(eventLine(event, data as EventData));
  };
}

interface EventData {
  readonly infoHash: InfoHash;
  readonly name?: string;
  readonly reason?: string;
  readonly message?: string;
}

function eventLine(event: string, { infoHash, message, name, reason }: EventData): string {
  const why = reason ?? message;
  return `${printable(name ?? infoHash)}: ${event}${why === undefined ? "" : `, ${printable(why)}`}`;
}
