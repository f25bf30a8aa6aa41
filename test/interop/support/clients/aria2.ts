import { chmodSync, writeFileSync } from "node:fs";
import path from "node:path";
import { CEILING_MS } from "../cachetorrent.ts";
import type { StockClient } from "./stock-client.ts";

const PORT = 6881;

export const aria2: StockClient = aria2With([]);

/** With further options of its command line. */
export function aria2With(options: readonly string[]): StockClient {
  return {
    name: "aria2",
    commands: ["aria2c"],
    writesEmptyFiles: true,
    async start(host, _role, dir, torrents, limits) {
      // aria2 tells its hook which download it was by the path of its first file.
      const hook = path.join(host.dir, "completed.sh");
      writeFileSync(hook, `#!/bin/sh\nprintf '{"event":"complete","path":"%s"}\\n' "$3"\n`);
      chmodSync(hook, 0o755);
      const client = await host.run("aria2c", [
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
        ...(limits?.up ? [`--max-overall-upload-limit=${limits.up}`] : []),
        ...(limits?.requiresEncryption ? ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"] : []),
        `--on-bt-download-complete=${hook}`,
        ...options,
        ...torrents.map((torrent) => torrent.file),
      ]);
      return {
        async complete(torrent) {
          const first = path.join(dir, torrent.paths[0] ?? "");
          await client.waitFor("complete", {
            accepts: (event) => event.path === first,
            timeoutMs: CEILING_MS,
          });
        },
        async stop() {
          await client.stop();
        },
      };
    },
  };
}
