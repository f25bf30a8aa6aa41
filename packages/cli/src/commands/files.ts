import { posix } from "node:path";
import type { FilesView, FileView } from "@cachetorrent/control";
import { FILE_PRIORITIES, type FilePriority } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { fileLines } from "../daemon/torrent-details.ts";
import { printable } from "../printable.ts";

const again = (value: string, before: readonly string[]): string[] => [...before, value];

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
      [],
    );
  }
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function files(command: Command, context: Context, name: string): Promise<void> {
  const client = await daemonOf(command, context);
  const { infoHash } = findTorrent((await client.status()).torrents, name);
  const known = await client.files(infoHash);
  const flags = command.opts<Readonly<Record<FilePriority, readonly string[]>>>();
  const changes = new Map<number, FilePriority>();
  for (const priority of FILE_PRIORITIES) {
    for (const text of flags[priority]) {
      for (const index of filesMeant(known, text, priority)) changes.set(index, priority);
    }
  }
  const shown: FilesView = changes.size > 0 ? await client.setFiles(infoHash, changes) : { files: known };
  context.stdout.write(`${fileLines(shown.files).join("\n")}\n`);
  // The choice holds, and what is to come of it may wait: for room on the disk, say.
  if (shown.paused !== undefined) context.stdout.write(`the torrent is paused: ${printable(shown.paused)}\n`);
}

/** Throws CT_ERR_USAGE where no file is meant. */
function filesMeant(files: readonly FileView[], text: string, option: string): number[] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const found = files.filter(({ index, path }) =>
    first === undefined
      ? posix.matchesGlob(path, text) || posix.matchesGlob(posix.basename(path), text)
      : index >= Number(first) && index <= Number(last),
  );
  if (found.length === 0) throw new CtError("CT_ERR_USAGE", `--${option}: ${text} is no file of the torrent`);
  return found.map(({ index }) => index);
}

const EXAMPLES = `
Examples:
  What there is:
    cachetorrent files c12fe1c0

  The first soon, the texts not at all:
    cachetorrent files c12fe1c0 --high 0 --skip '*.txt'`;
