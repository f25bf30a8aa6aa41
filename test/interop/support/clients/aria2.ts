import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { StockClient } from "./stock-client.ts";

const PORT = 6881;

export const aria2: StockClient = {
  name: "aria2",
  commands: ["aria2c"],
  writesEmptyFiles: true,
  start(host, _role, dir, torrents) {
    // aria2 names the download only by its first file; "$3" is that path.
    const hook = path.join(host.dir, "completed.sh");
    writeFileSync(hook, '#!/bin/sh\necho "completed $3"\n');
    chmodSync(hook, 0o755);
    const client = host.spawn("aria2c", [
      "--no-conf",
      `--dir=${dir}`,
      `--interface=${host.ipv4}`,
      `--listen-port=${PORT}`,
      "--disable-ipv6=true",
      "--enable-dht=false",
      "--enable-dht6=false",
      "--bt-enable-lpd=false",
      "--enable-peer-exchange=false",
      "--seed-ratio=0.0",
      "--check-integrity=true",
      "--file-allocation=none",
      "--disk-cache=0",
      "--max-concurrent-downloads=20",
      "--summary-interval=0",
      `--on-bt-download-complete=${hook}`,
      ...torrents.map((torrent) => torrent.file),
    ]);
    return {
      async complete(torrent) {
        const path = `completed ${dir}/${torrent.paths[0]}`;
        await client.until(`completing ${torrent.name}`, (line) => line === path || undefined);
      },
      stop: () => client.stop(),
    };
  },
};
