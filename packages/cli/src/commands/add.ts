import { resolve } from "node:path";
import type { TorrentView } from "@cachetorrent/control";
import { isMagnet, loadMetainfo, readTorrentFile } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { followUntilComplete } from "../daemon/follow.ts";
import { addLimitFlags, addStopFlags, limitsGiven, stopRuleGiven } from "../daemon/rate-flags.ts";
import { torrentLines } from "../daemon/torrent-table.ts";
import { EXIT } from "../exit.ts";
import { requireTorrentFile } from "../input-file.ts";
import { again } from "../repeatable.ts";

interface Flags {
  readonly dir?: string;
  readonly follow?: true;
  readonly json?: true;
  readonly paused?: true;
  readonly sequential?: true;
  readonly files?: readonly string[];
  readonly skipFiles?: readonly string[];
  readonly webSeed?: readonly string[];
}

export function define(command: Command, context: Context): void {
  command
    .description("Give torrents to a daemon (peer --daemon), which has them until they are removed.")
    .usage("FILE.torrent|MAGNET... [options]")
    .argument("<FILE.torrent|MAGNET...>", "the torrents: files, and magnet links (in quotes)")
    .option(
      "--dir <DIR>",
      "where the content is, or will be, as seen from here; within --dir or --allow-dir of the daemon (default: its --dir)",
    )
    .option("--paused", "do not start them")
    .option("--sequential", "fetch the first pieces first, instead of the rarest")
    .option("--files <PATTERN>", "download only files that match (repeatable)", again)
    .option("--skip-files <PATTERN>", "skip files that match (repeatable)", again)
    .option(
      "--web-seed <URL>",
      "fetch from this HTTP server too, which may be at a local address (repeatable)",
      again,
    )
    .option(
      "-f, --follow",
      "show how they come along until they are complete, or Ctrl-C, which does not stop them",
    )
    .option("--json", "as JSON, one torrent a line; with --follow one event a line")
    .action((given: string[]) => add(command, context, given));
  addLimitFlags(command, "limit-");
  addStopFlags(command);
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function add(command: Command, context: Context, given: readonly string[]): Promise<void> {
  const {
    dir,
    files = [],
    follow,
    json,
    paused,
    sequential,
    skipFiles = [],
    webSeed = [],
  } = command.opts<Flags>();
  if (follow && paused)
    throw new CtError(
      "CT_ERR_USAGE",
      "add: what is added with --paused is never complete: leave out --follow",
    );
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
  const added: TorrentView[] = [];
  const show = () => {
    const lines = json ? added.map((torrent) => JSON.stringify(torrent)) : torrentLines(added);
    if (added.length > 0) context.stdout.write(`${lines.join("\n")}\n`);
  };
  try {
    for (const text of given) {
      const source = isMagnet(text)
        ? { magnet: text }
        : { torrent: Buffer.from(await readTorrentFile(text)).toString("base64") };
      added.push(await client.add({ ...source, ...wishes }));
    }
  } catch (error) {
    // Those before the one that is refused are there.
    show();
    throw error;
  }
  if (!follow) show();
  else if (!(await followUntilComplete(client, context, json ?? false, added))) context.finish(EXIT.failed);
}

const EXAMPLES = `
Examples:
  A torrent, into the folder of the daemon:
    cachetorrent add release.torrent

  The same, looking on until it is complete:
    cachetorrent add release.torrent --follow

  Some of its files, elsewhere, and no faster than 2 MB/s:
    cachetorrent add release.torrent --dir /srv/releases --files '*.iso' --limit-down 2MB/s`;
