import { dirname, join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import type { TorrentAccounts } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import type { DaemonProcess } from "./daemon-process.ts";
import { type Launcher, launch } from "./launcher.ts";
import { emptyAccounts, readLedger } from "./ledger.ts";

export interface PeerOptions {
  readonly name: string;
  readonly torrentFiles: readonly string[];
  /** Where the content is or will be; made when it does not exist. */
  readonly dir: string;
  /** `127.2.0.1:0`. */
  readonly listen: string;
  readonly ledgerFile: string;
  /** Anything else the command line knows. */
  readonly args?: readonly string[];
}

/** A peer as a process of its own. */
export interface PeerProcess {
  readonly name: string;
  readonly daemon: DaemonProcess;
  readonly dir: string;
  /** `127.2.0.1:40123`. */
  readonly endpoint: string;
  /** What it has written down of this torrent so far. */
  ledger(infoHash: InfoHash): Promise<TorrentAccounts>;
  /** Resolves when it says that this torrent, or for none given any of its own, is complete. */
  complete(options?: { readonly infoHash?: InfoHash; readonly timeoutMs?: number }): Promise<void>;
}

/** Resolves when the peer listens. */
export async function startPeerProcess(launcher: Launcher, options: PeerOptions): Promise<PeerProcess> {
  await makeDirectory(options.dir);
  await makeDirectory(dirname(options.ledgerFile));
  const daemon = await launch(launcher, options.name, [
    "peer",
    ...options.torrentFiles,
    ...["--dir", options.dir],
    ...["--listen", options.listen],
    ...["--ledger", options.ledgerFile],
    // Not in the home of whoever runs this.
    ...["--state", join(dirname(options.ledgerFile), "state")],
    "--json",
    ...(options.args ?? []),
  ]);
  const listening = await daemon.waitFor("listening");
  return {
    name: options.name,
    daemon,
    dir: options.dir,
    endpoint: String(listening.endpoint),
    ledger: async (infoHash) => {
      const ledger = await readLedger(options.ledgerFile);
      return ledger?.torrents.find((torrent) => torrent.infoHash === infoHash) ?? emptyAccounts(infoHash);
    },
    complete: async ({ infoHash, timeoutMs } = {}) => {
      await daemon.waitFor("complete", {
        accepts: (event) => infoHash === undefined || event.infoHash === infoHash,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      });
    },
  };
}
