import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { printable } from "../printable.ts";

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
      for (const { infoHash, name } of found) {
        const kept = await client.remove(infoHash, deleteData);
        context.stdout.write(
          `${infoHash}  ${printable(name)} is removed${deleteData ? " with its data" : ""}\n`,
        );
        for (const path of kept)
          context.stderr.write(
            `${printable(path)}: kept, it is not the torrent's, or another one has it, too\n`,
          );
      }
    });
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

const EXAMPLES = `
Examples:
  Out of the daemon, the content stays:
    cachetorrent remove c12fe1c0

  And its files, too:
    cachetorrent remove c12fe1c0 --delete-data`;
