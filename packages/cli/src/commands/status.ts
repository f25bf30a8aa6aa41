import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { follow } from "../daemon/follow.ts";
import { fileLines, peerLines, torrentText, trackerLines } from "../daemon/torrent-details.ts";
import { daemonLine, torrentLines } from "../daemon/torrent-table.ts";

interface Flags {
  readonly follow?: true;
  readonly files?: true;
  readonly peers?: true;
  readonly json?: true;
}

export function define(command: Command, context: Context): void {
  command
    .description("Show what a daemon (peer --daemon) has and does, or all of one torrent.")
    .usage("[TORRENT] [options]")
    .argument("[TORRENT]", "info-hash, the beginning of it, or name")
    .option("-f, --follow", "go on until Ctrl-C, or the daemon stops")
    .option("--files", "of a torrent also its files")
    .option("--peers", "of a torrent also the peers it is connected with")
    .option("--json", "as JSON; with --follow one event a line")
    .allowExcessArguments(false)
    .action((name: string | undefined) => show(command, context, name));
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function show(command: Command, context: Context, name: string | undefined): Promise<void> {
  const flags = command.opts<Flags>();
  if (flags.follow && name !== undefined) command.error("cachetorrent: status: --follow is of all torrents");
  if ((flags.files || flags.peers) && name === undefined)
    command.error("cachetorrent: status: --files and --peers are of one torrent: name it");
  const client = await daemonOf(command, context);
  if (flags.follow) return follow(client, context, flags.json ?? false);
  const status = await client.status();
  const write = (lines: readonly string[]) => void context.stdout.write(`${lines.join("\n")}\n`);
  if (name === undefined) {
    write(flags.json ? [JSON.stringify(status)] : [daemonLine(status), ...torrentLines(status.torrents)]);
    return;
  }
  const torrent = findTorrent(status.torrents, name);
  const trackers = await client.trackers(torrent.infoHash);
  const files = flags.files ? await client.files(torrent.infoHash) : undefined;
  const peers = flags.peers ? await client.peers(torrent.infoHash) : undefined;
  if (flags.json) {
    const details = { ...(files ? { files } : {}), ...(peers ? { connected: peers } : {}) };
    write([JSON.stringify({ ...torrent, trackers, ...details })]);
    return;
  }
  context.stdout.write(torrentText(torrent));
  write(["", ...trackerLines(trackers)]);
  if (files) write(["", ...fileLines(files)]);
  if (peers) write(["", ...peerLines(peers)]);
}

const EXAMPLES = `
Examples:
  What there is, once, and as it goes on:
    cachetorrent status
    cachetorrent status --follow

  One torrent with its trackers, and also its files and who it is connected with:
    cachetorrent status c12fe1c0 --files --peers`;
