import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { DaemonEvent } from "@cachetorrent/testbed";
import { CEILING_MS } from "../cachetorrent.ts";
import type { Host } from "../lab.ts";
import { describeTorrent, type MadeTorrent, type Plan, writeContent } from "../torrents.ts";
import type { RunningClient, StockClient } from "./stock-client.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("libtorrent_client.py", import.meta.url));
const MAKE_HYBRID = fileURLToPath(new URL("libtorrent_make_hybrid.py", import.meta.url));
const PORT = 6881;

/** libtorrent (rasterbar), by a small script: it prints what happens as one JSON object a line. */
export const libtorrent: StockClient = {
  name: "libtorrent",
  commands: [PYTHON],
  writesEmptyFiles: true,
  start: (host, role, dir, torrents, limits) =>
    startLibtorrent(host, role, dir, torrents, {
      ...(limits?.up ? { upload_rate_limit: limits.up } : {}),
      ...(limits?.requiresEncryption ? ENCRYPTION.forced : {}),
    }),
};

/** Settings of libtorrent: which connections, in and out, and whether what follows the handshake is RC4 (2) or plaintext (1). */
export const ENCRYPTION = {
  forced: { in_enc_policy: 0, out_enc_policy: 0, allowed_enc_level: 2 },
  handshakeOnly: { in_enc_policy: 0, out_enc_policy: 0, allowed_enc_level: 1 },
  disabled: { in_enc_policy: 2, out_enc_policy: 2 },
  /** Of who offers both ways after the handshake it takes RC4. */
  either: { in_enc_policy: 1, out_enc_policy: 1, allowed_enc_level: 3, prefer_rc4: 1 },
} as const;

export interface RunningLibtorrent extends RunningClient {
  /** Resolves when it has looked at what it has of a torrent, and trades. */
  ready(): Promise<void>;
  /** The first so many different addresses that it tried to connect to. */
  dialled(howMany: number): Promise<string[]>;
  /** Resolves when it has lost a connection with that address, or tried in vain for one. */
  lost(address: string): Promise<void>;
  /** Resolves when it next loses a connection with that address; by then it has told of all that it sent over it. */
  loses(address: string): Promise<void>;
  /** The piece of each block that it has sent so far, in their order; none unless it was started to tell. */
  uploads(torrent: MadeTorrent): number[];
}

/** As `libtorrent.start`, with settings of libtorrent's own on top. With `tellsUploads` it tells of each block that it sends. */
export async function startLibtorrent(
  host: Host,
  role: "seed" | "leecher",
  dir: string,
  torrents: readonly MadeTorrent[],
  settings: Readonly<Record<string, number | string>> = {},
  tellsUploads = false,
): Promise<RunningLibtorrent> {
  const order = {
    listen: `${host.ipv4}:${PORT}`,
    role,
    dir,
    torrents: torrents.map((torrent) => torrent.file),
    // With several threads blocks would leave in another order than that in which they were asked for.
    settings: { ...(tellsUploads ? { aio_threads: 1, alert_queue_size: 10_000 } : {}), ...settings },
    tellsUploads,
  };
  const client = await host.run(PYTHON, ["-u", SCRIPT, JSON.stringify(order)]);
  return {
    async complete({ infoHash }) {
      await client.waitFor("complete", {
        accepts: (event) => event.infoHash === infoHash,
        timeoutMs: CEILING_MS,
      });
    },
    async ready() {
      await client.waitFor("alert", { accepts: ({ what }) => what === "torrent_checked" });
    },
    async dialled(howMany) {
      const addresses = new Set<string>();
      const accepts = (event: DaemonEvent) => addresses.add(String(event.address)).size >= howMany;
      await client.waitFor("dialled", { accepts, timeoutMs: CEILING_MS });
      return [...addresses];
    },
    async lost(address) {
      const accepts = (event: DaemonEvent) => event.address === address;
      await client.waitFor("lost", { accepts, timeoutMs: CEILING_MS });
    },
    async loses(address) {
      const accepts = (event: DaemonEvent) => event.address === address;
      await client.waitFor("lost", { from: client.lines.length, accepts, timeoutMs: CEILING_MS });
    },
    uploads({ infoHash }) {
      const told = client.events.filter((event) => event.event === "uploaded" && event.infoHash === infoHash);
      return told.map(({ piece }) => Number(piece));
    },
    async stop() {
      await client.stop();
    },
  };
}

/** As `makeTorrent`, but the torrent is libtorrent's own: v1 and v2 in one, with pad files. */
export async function makeHybridTorrent(
  dir: string,
  plan: Omit<Plan, "pieceLength"> & { readonly tracker: string },
): Promise<MadeTorrent> {
  await writeContent(dir, plan);
  const file = path.join(dir, `${plan.name}.torrent`);
  await promisify(execFile)(PYTHON, [MAKE_HYBRID, path.join(dir, plan.name), plan.tracker, file]);
  return describeTorrent(file, dir);
}
