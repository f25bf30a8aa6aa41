import { CtError } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { printable } from "../printable.ts";
import { addDaemonFlags, daemonOf } from "./daemon-flags.ts";
import { findTorrent } from "./find-torrent.ts";
import { stateWords } from "./torrent-details.ts";

/** Makes the command `pause` or `resume`: the same, but for what is asked of the daemon. */
export function defineSwitch(
  command: Command,
  context: Context,
  { description, verb }: { readonly verb: "pause" | "resume"; readonly description: string },
): void {
  command
    .description(description)
    .usage("TORRENT... [options]")
    .argument("[TORRENT...]", "info-hash, the beginning of it, or name")
    .option("--all", "all torrents")
    .action(async (names: string[]) => {
      const { all = false } = command.opts<{ all?: true }>();
      if (all === names.length > 0)
        throw new CtError("CT_ERR_USAGE", `${verb}: name torrents, or give --all`);
      const client = await daemonOf(command, context);
      const { torrents } = await client.status();
      const found = all ? torrents : names.map((name) => findTorrent(torrents, name));
      const faults: CtError[] = [];
      for (const { infoHash } of found) {
        try {
          const torrent = await client[verb](infoHash);
          context.stdout.write(`${infoHash}  ${printable(torrent.name)}: ${stateWords(torrent)}\n`);
        } catch (error) {
          if (!(error instanceof CtError)) throw error;
          // The others are no worse for it.
          faults.push(error);
        }
      }
      if (faults[0]) throw faults[0];
    });
  addDaemonFlags(command).addHelpText(
    "after",
    `
Examples:
  One torrent, and all:
    cachetorrent ${verb} c12fe1c0
    cachetorrent ${verb} --all`,
  );
}
