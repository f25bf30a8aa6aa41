import { PEER_PORT } from "./addresses.ts";
import type { PlannedStock } from "./compose-plan.ts";

/** Where stock clients find things in their containers. */
const DATA = "/data";
const CONFIG = "/config";

/**
 * Written by a client's own hook when it is complete: ms since the Unix epoch. The hook, like the rest of its configuration, is in a
 * folder of its own, so that two of them never write one file.
 */
export const COMPLETED_FILE = "completed-at";
const HOOK = "completed.sh";

export interface StockSetup {
  readonly command: readonly string[];
  /** In the client's folder, by name; those that end in .sh are run. */
  readonly files: Readonly<Record<string, string>>;
}

/** How a client is started: no more is set than needed to keep it to its own address, and to hear that it is complete. */
export function stockSetup(client: PlannedStock, torrentFile: string): StockSetup {
  return client.client === "aria2" ? aria2(client, torrentFile) : transmission(client, torrentFile);
}

const hook = `#!/bin/sh
date +%s%3N > ${CONFIG}/${COMPLETED_FILE}.new && mv ${CONFIG}/${COMPLETED_FILE}.new ${CONFIG}/${COMPLETED_FILE}
`;

function aria2({ address, down, up }: PlannedStock, torrentFile: string): StockSetup {
  return {
    command: [
      "aria2c",
      "--no-conf",
      `--dir=${DATA}`,
      `--interface=${address}`,
      `--listen-port=${PEER_PORT}`,
      "--disable-ipv6=true",
      // There is no Internet to find others in, and no stranger shall come in from a LAN.
      "--enable-dht=false",
      "--enable-dht6=false",
      "--bt-enable-lpd=false",
      "--seed-ratio=0.0",
      "--file-allocation=none",
      "--disk-cache=0",
      "--summary-interval=0",
      `--max-overall-upload-limit=${Math.round(up)}`,
      ...(Number.isFinite(down) ? [`--max-overall-download-limit=${Math.round(down)}`] : []),
      `--on-bt-download-complete=${CONFIG}/${HOOK}`,
      torrentFile,
    ],
    files: { [HOOK]: hook },
  };
}

function transmission({ address, down, up }: PlannedStock, torrentFile: string): StockSetup {
  // Its limits are in kB/s of 1000 bytes.
  const kilobytes = (rate: number) => Math.max(1, Math.round(rate / 1000));
  const settings = {
    "download-dir": DATA,
    "watch-dir": torrentFile.slice(0, torrentFile.lastIndexOf("/")),
    "watch-dir-enabled": true,
    "bind-address-ipv4": address,
    "peer-port": PEER_PORT,
    "dht-enabled": false,
    "lpd-enabled": false,
    "utp-enabled": false,
    "port-forwarding-enabled": false,
    "rpc-enabled": false,
    "rename-partial-files": false,
    "cache-size-mb": 0,
    preallocation: 0,
    "ratio-limit-enabled": false,
    "speed-limit-up": kilobytes(up),
    "speed-limit-up-enabled": true,
    ...(Number.isFinite(down)
      ? { "speed-limit-down": kilobytes(down), "speed-limit-down-enabled": true }
      : {}),
    "script-torrent-done-enabled": true,
    "script-torrent-done-filename": `${CONFIG}/${HOOK}`,
  };
  return {
    command: ["transmission-daemon", "--foreground", "--config-dir", CONFIG],
    files: { [HOOK]: hook, "settings.json": `${JSON.stringify(settings, null, 2)}\n` },
  };
}
