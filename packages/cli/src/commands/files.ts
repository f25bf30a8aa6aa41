import type { FilesView } from "@cachetorrent/control";
import { FILE_PRIORITIES, type FilePriority } from "@cachetorrent/peer";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { filesMeant } from "../daemon/files-meant.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { fileLines } from "../daemon/torrent-details.ts";
import { printable } from "../printable.ts";
import { again } from "../repeatable.ts";

export function define(command: Command, context: Context): void {
  command
    .description(
      "Show the files of a torrent of a daemon (peer --daemon), and change how much they are wanted.",
    )
    .usage("TORRENT [options]")
    .argument("<TORRENT>", "info-hash, the beginning of it, or name")
    .allowExcessArguments(false)
    .action((name: string) => files(command, context, name));
  for (const priority of FILE_PRIORITIES) {
    const what = priority === "skip" ? "do not download these" : `give these the priority ${priority}`;
    command.option(
      `--${priority} <FILES>`,
      `${what}: number, numbers such as 2-5, or pattern (repeatable)`,
      again,
    );
  }
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function files(command: Command, context: Context, name: string): Promise<void> {
  const client = await daemonOf(command, context);
  const { infoHash } = findTorrent((await client.status()).torrents, name);
  const known = await client.files(infoHash);
  const flags = command.opts<Readonly<Partial<Record<FilePriority, readonly string[]>>>>();
  const changes = new Map<number, FilePriority>();
  for (const priority of FILE_PRIORITIES) {
    for (const text of flags[priority] ?? []) {
      for (const index of filesMeant(known, text, priority)) changes.set(index, priority);
    }
  }
  const shown: FilesView = changes.size > 0 ? await client.setFiles(infoHash, changes) : { files: known };
  context.stdout.write(`${fileLines(shown.files).join("\n")}\n`);
  // The choice holds, and what is to come of it may wait: for room on the disk, say.
  if (shown.paused !== undefined) context.stdout.write(`the torrent is paused: ${printable(shown.paused)}\n`);
}

const EXAMPLES = `
Examples:
  What there is:
    cachetorrent files c12fe1c0

  The first soon, the texts not at all:
    cachetorrent files c12fe1c0 --high 0 --skip '*.txt'`;
