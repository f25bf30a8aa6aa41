import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CEILING_MS } from "../cachetorrent.ts";
import type { StockClient } from "./stock-client.ts";

const PORT = 51413;

export const transmission: StockClient = {
  name: "Transmission",
  commands: ["transmission-daemon"],
  writesEmptyFiles: false,
  async start(host, _role, dir, torrents, limits) {
    const state = path.join(host.dir, "transmission");
    const watched = path.join(state, "watched");
    mkdirSync(watched, { recursive: true });
    for (const torrent of torrents)
      copyFileSync(torrent.file, path.join(watched, path.basename(torrent.file)));

    const hook = path.join(state, "completed.sh");
    writeFileSync(hook, `#!/bin/sh\nprintf '{"event":"complete","infoHash":"%s"}\\n' "$TR_TORRENT_HASH"\n`);
    chmodSync(hook, 0o755);
    const settings = {
      "download-dir": dir,
      "watch-dir": watched,
      "watch-dir-enabled": true,
      "bind-address-ipv4": host.ipv4,
      "peer-port": PORT,
      "rpc-enabled": false,
      "dht-enabled": false,
      "lpd-enabled": false,
      "pex-enabled": false,
      "utp-enabled": false,
      "port-forwarding-enabled": false,
      "rename-partial-files": false,
      "cache-size-mb": 0,
      preallocation: 0,
      encryption: limits?.requiresEncryption ? 2 : 1,
      "speed-limit-up-enabled": limits?.up !== undefined,
      "speed-limit-up": Math.ceil((limits?.up ?? 0) / 1000),
      "script-torrent-done-enabled": true,
      "script-torrent-done-filename": hook,
    };
    writeFileSync(path.join(state, "settings.json"), JSON.stringify(settings));
    const client = await host.run("transmission-daemon", ["--foreground", "--config-dir", state]);
    return {
      async complete({ infoHash }) {
        await client.waitFor("complete", {
          accepts: (event) => event.infoHash === infoHash,
          timeoutMs: CEILING_MS,
        });
      },
      async stop() {
        await client.stop();
      },
    };
  },
};
