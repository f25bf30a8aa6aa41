import { resolve } from "node:path";
import { isMagnet, loadMetainfo, readTorrentFile } from "@cachetorrent/peer";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { addLimitFlags, addStopFlags, limitsGiven, stopRuleGiven } from "../daemon/rate-flags.ts";
import { requireTorrentFile } from "../input-file.ts";
import { printable } from "../printable.ts";

interface Flags {
  readonly dir?: string;
  readonly paused?: true;
  readonly sequential?: true;
  readonly files: readonly string[];
  readonly skipFiles: readonly string[];
  readonly webSeed: readonly string[];
}

const again = (value: string, before: readonly string[]): string[] => [...before, value];

export function define(command: Command, context: Context): void {
  command
    .description("Give torrents to a daemon (peer --daemon), which has them until they are removed.")
    .usage("FILE.torrent|MAGNET... [options]")
    .argument("<FILE.torrent|MAGNET...>", "the torrents: files, and magnet links (in quotes)")
    .option(
      "--dir <DIR>",
      "where the content is, or will be; within --dir or --allow-dir of the daemon (default: its --dir)",
    )
    .option("--paused", "do not start them")
    .option("--sequential", "fetch the first pieces first, instead of the rarest")
    .option("--files <PATTERN>", "download only files that match (repeatable)", again, [])
    .option("--skip-files <PATTERN>", "skip files that match (repeatable)", again, [])
    .option(
      "--web-seed <URL>",
      "fetch from this HTTP server too, which may be at a local address (repeatable)",
      again,
      [],
    )
    .action((given: string[]) => add(command, context, given));
  addLimitFlags(command, "limit-");
  addStopFlags(command);
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function add(command: Command, context: Context, given: readonly string[]): Promise<void> {
  const { dir, files, paused, sequential, skipFiles, webSeed } = command.opts<Flags>();
  const limits = limitsGiven(command, "limit-");
  const stopRule = stopRuleGiven(command);
  const torrentFiles = given.filter((text) => !isMagnet(text));
  await Promise.all(torrentFiles.map(requireTorrentFile));
  // The daemon, which gets the bytes alone, could not say which of them is wrong.
  for (const path of torrentFiles) await loadMetainfo(path);
  const client = await daemonOf(command, context);
  const wishes = {
    ...(dir === undefined ? {} : { dir: resolve(dir) }),
    ...(paused ? { paused } : {}),
    ...(sequential ? { sequential } : {}),
    ...(files.length > 0 ? { files: [...files] } : {}),
    ...(skipFiles.length > 0 ? { skipFiles: [...skipFiles] } : {}),
    ...(webSeed.length > 0 ? { webSeeds: [...webSeed] } : {}),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    ...(stopRule ? { stopRule } : {}),
  };
  for (const text of given) {
    const source = isMagnet(text)
      ? { magnet: text }
      : { torrent: Buffer.from(await readTorrentFile(text)).toString("base64") };
    const { infoHash, name } = await client.add({ ...source, ...wishes });
    context.stdout.write(`${infoHash}  ${printable(name)}\n`);
  }
}

const EXAMPLES = `
Examples:
  A torrent, into the folder of the daemon:
    cachetorrent add release.torrent

  Some of its files, elsewhere, and no faster than 2 MB/s:
    cachetorrent add release.torrent --dir /srv/releases --files '*.iso' --limit-down 2MB/s`;
