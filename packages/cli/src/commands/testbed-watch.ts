import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadMetainfo } from "@cachetorrent/peer";
import { completeOf, fractionHere, isCounted, readWatchedSwarm, renderWatched } from "@cachetorrent/testbed";
import { type Command, InvalidArgumentError } from "commander";
import type { Context } from "../context.ts";
import { EXIT } from "../exit.ts";
import { requireFolder, requireTorrentFile } from "../input-file.ts";
import { percent } from "../report/progress-line.ts";
import { endingSignal } from "../run-daemon.ts";

const POLL_MS = 500;
/** A line this often is enough. */
const TELL_MS = 5000;

interface WatchFlags {
  readonly counters?: string;
  readonly peers: number;
}

export function defineWatch(testbed: Command, context: Context): void {
  const command = testbed.command("watch");
  command
    .summary("follow peers that run elsewhere by their ledgers")
    .description(
      "Follow peers that run elsewhere, in containers say, by the ledgers they keep in one folder (peer --ledger), and print a table when all are complete. Counters of borders in that folder, or in another (border-ASN.jsonl), stand beside them.",
    )
    .argument("<FILE>", "the .torrent")
    .argument("<DIR>", "the folder with the ledgers")
    .requiredOption("--peers <N>", "peers that begin with nothing", peerCount)
    .option(
      "--counters <DIR>",
      "the folder with the counters of the borders (default: that with the ledgers)",
    )
    .action(async (file: string, dir: string) =>
      context.finish(await watch(file, dir, command.opts<WatchFlags>(), context)),
    );
}

async function watch(file: string, dir: string, flags: WatchFlags, context: Context): Promise<number> {
  await requireTorrentFile(file);
  await requireFolder("DIR", dir);
  const counters = flags.counters ?? dir;
  await requireFolder("--counters", counters);
  const metainfo = await loadMetainfo(file);
  const ending = new AbortController();
  let signalled: number | undefined;
  void endingSignal("SIGINT", "SIGTERM", "SIGHUP").then((code) => {
    signalled = code;
    ending.abort();
  });
  for (let polls = 0; signalled === undefined; polls++) {
    const swarm = await readWatchedSwarm(dir, metainfo.infoHash, counters);
    const complete = completeOf(swarm);
    if (complete >= flags.peers && isCounted(swarm)) {
      context.stdout.write(
        renderWatched(swarm, { bytes: metainfo.length, pieceLength: metainfo.pieceLength }),
      );
      return EXIT.done;
    }
    if ((polls * POLL_MS) % TELL_MS === 0) {
      const here = percent(fractionHere(swarm, flags.peers, metainfo.length));
      const line =
        swarm.peers.length > 0
          ? `${complete} of ${flags.peers} peers complete, ${here} of the content is there`
          : `no ledger of this torrent is in ${dir} yet: each peer writes its own there (peer --ledger ${join(dir, "NAME.json")})`;
      context.stdout.write(`${line}\n`);
    }
    await delay(POLL_MS, undefined, { signal: ending.signal }).catch(() => undefined); // ended by the signal
  }
  return signalled;
}

function peerCount(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 100_000)
    throw new InvalidArgumentError("a whole number from 1 to 100000.");
  return number;
}
