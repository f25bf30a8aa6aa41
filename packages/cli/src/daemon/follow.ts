import type { ControlClient, ControlEvent, DaemonStatus, TorrentView } from "@cachetorrent/control";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { Context } from "../context.ts";
import { inForeground } from "../foreground.ts";
import { printable } from "../printable.ts";
import { lineReport } from "../report/line-report.ts";
import { TerminalDisplay } from "../terminal-display.ts";
import { Awaited } from "./awaited.ts";
import { daemonLine, torrentLines } from "./torrent-table.ts";

type Tell = (event: ControlEvent) => void;

/**
 * Shows what the daemon does until it stops: on a terminal the table, redrawn in place; else a line for what is worth one, or, with `json`,
 * for each event. Resolves when nobody reads it any more, as after `| head`; rejects with CT_ERR_CONTROL when the daemon is gone.
 */
export async function follow(client: ControlClient, context: Context, json: boolean): Promise<void> {
  const { stdout } = context;
  const status = await client.status();
  const tell = json ? jsonLines(stdout) : stdout.isTTY ? drawn(status, stdout) : lines(stdout);
  await Promise.race([nobodyReads(stdout), tellAll(client, tell)]);
}

/**
 * The same of some torrents, until each of them has all that is wanted of it, or has failed: resolves with whether all have it. Who does not look
 * on at a terminal has the table at the end. Rejects with CT_ERR_NO_TORRENT when one was removed meanwhile.
 */
export async function followUntilComplete(
  client: ControlClient,
  context: Context,
  json: boolean,
  torrents: readonly TorrentView[],
): Promise<boolean> {
  const { stdout } = context;
  const awaited = new Awaited(torrents);
  const tell = json ? jsonLines(stdout) : stdout.isTTY ? drawnTable(awaited, stdout) : lines(stdout);
  await Promise.race([nobodyReads(stdout), tellUntil(awaited, client, tell)]);
  if (!json && !stdout.isTTY) stdout.write(`${torrentLines(awaited.torrents).join("\n")}\n`);
  if (awaited.gone)
    throw new CtError("CT_ERR_NO_TORRENT", `${awaited.gone.name} was removed before it was complete`);
  return awaited.areComplete;
}

function nobodyReads(stdout: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stdout.once("error", () => resolve()));
}

async function tellAll(client: ControlClient, tell: Tell): Promise<never> {
  for await (const event of client.events()) tell(event);
  throw new CtError("CT_ERR_CONTROL", "the daemon has stopped");
}

async function tellUntil(awaited: Awaited, client: ControlClient, tell: Tell): Promise<void> {
  for await (const event of client.events()) {
    const ours = awaited.take(event);
    if (ours) tell(ours);
    if (awaited.areSettled) return;
  }
  throw new CtError("CT_ERR_CONTROL", "the daemon has stopped");
}

interface Progress {
  readonly connections: number;
  readonly torrents: readonly TorrentView[];
}

function jsonLines(stdout: NodeJS.WriteStream): Tell {
  return ({ data, event }) => void stdout.write(`${JSON.stringify({ event, ...(data as object) })}\n`);
}

function drawn(status: DaemonStatus, stdout: NodeJS.WriteStream): Tell {
  const display = displayOn(stdout);
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

function drawnTable(awaited: Awaited, stdout: NodeJS.WriteStream): Tell {
  const display = displayOn(stdout);
  return ({ event }) => {
    if (event === "progress") display.show(torrentLines(awaited.torrents, display.columns));
  };
}

function displayOn(stdout: NodeJS.WriteStream): TerminalDisplay {
  const display = new TerminalDisplay(stdout, inForeground);
  process.on("exit", () => display.restore());
  return display;
}

function lines(stdout: NodeJS.WriteStream): Tell {
  const writeLine = (line: string) => void stdout.write(`${line}\n`);
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
