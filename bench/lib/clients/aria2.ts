import { execFile } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "./client.ts";

export const aria2: Client = {
  name: "aria2",
  async version() {
    try {
      const { stdout } = await promisify(execFile)("aria2c", ["--version"]);
      return stdout.split("\n")[0] ?? "";
    } catch (cause) {
      throw new Error("aria2c is not here: apt-get install aria2, or leave it out with --clients", { cause });
    }
  },
  async start(stage, { address, dir, name, port, role, torrentFile }) {
    const hook = join(stage.dir, "aria2-completed.sh");
    await writeFile(hook, `#!/bin/sh\necho '{"event":"complete"}'\n`);
    await chmod(hook, 0o755);
    const daemon = await stage.start(name, "aria2c", [
      "--no-conf",
      `--dir=${dir}`,
      `--interface=${address}`,
      `--listen-port=${port}`,
      "--disable-ipv6=true",
      "--enable-dht=false",
      "--enable-dht6=false",
      "--bt-enable-lpd=false",
      "--enable-peer-exchange=false",
      "--seed-ratio=0.0",
      "--file-allocation=none",
      "--summary-interval=0",
      "--console-log-level=warn",
      "--show-console-readout=false",
      // Its hashing of what is there would only make the run longer: the time counts from when all are ready.
      ...(role === "seed" ? ["--bt-seed-unverified=true", "--allow-overwrite=true"] : []),
      `--on-bt-download-complete=${hook}`,
      torrentFile,
    ]);
    return {
      daemon,
      complete: async (timeoutMs) => void (await daemon.waitFor("complete", { timeoutMs })),
    };
  },
};
