import type { TorrentView } from "@cachetorrent/control";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { counted } from "../counted.ts";
import { type Column, columnLines } from "../daemon/columns.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { printable } from "../printable.ts";

interface Removed {
  readonly torrent: TorrentView;
  /** The files that stayed although they were to be deleted; undefined where none was to be. */
  readonly kept: readonly string[] | undefined;
}

const COLUMNS: readonly Column<Removed>[] = [
  { title: "REMOVED", of: ({ torrent }) => torrent.infoHash.slice(0, 8) },
  { title: "NAME", of: ({ torrent }) => printable(torrent.name) },
  { title: "ITS DATA", of: dataWords },
];

export function define(command: Command, context: Context): void {
  command
    .description(
      "Have a daemon (peer --daemon) drop torrents. Their content stays, unless it is to be deleted.",
    )
    .usage("TORRENT... [options]")
    .argument("<TORRENT...>", "info-hash, the beginning of it, or name")
    .option("--delete-data", "delete the torrent's own files, too; files that hold other data stay")
    .action(async (names: string[]) => {
      const { deleteData = false } = command.opts<{ deleteData?: true }>();
      const client = await daemonOf(command, context);
      const { torrents } = await client.status();
      // All are looked for before any is dropped: a slip of the pen in the third must not cost the first two.
      const found = names.map((name) => findTorrent(torrents, name));
      const removed: Removed[] = [];
      try {
        for (const torrent of found) {
          const kept = await client.remove(torrent.infoHash, deleteData);
          removed.push({ torrent, kept: deleteData ? kept : undefined });
          for (const path of kept)
            context.stderr.write(
              `${printable(path)}: kept, it is not the torrent's, or another one has it, too\n`,
            );
        }
      } finally {
        // Those before one that is refused are gone.
        if (removed.length > 0) context.stdout.write(`${columnLines(COLUMNS, removed).join("\n")}\n`);
      }
    });
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

function dataWords({ kept, torrent }: Removed): string {
  if (kept === undefined) return `stays in ${printable(torrent.dir)}`;
  return kept.length === 0 ? "is deleted" : `is deleted but for ${counted(kept.length, "file")}`;
}

const EXAMPLES = `
Examples:
  Out of the daemon, the content stays:
    cachetorrent remove c12fe1c0

  And its files, too:
    cachetorrent remove c12fe1c0 --delete-data`;
