import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Client } from "./client.ts";

const PYTHON = "/usr/bin/python3";
const SCRIPT = fileURLToPath(new URL("libtorrent_peer.py", import.meta.url));

export const libtorrent: Client = {
  name: "libtorrent",
  async version() {
    try {
      const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, "version"]);
      return stdout.trim();
    } catch (cause) {
      throw new Error(
        "python3-libtorrent is not here: apt-get install python3-libtorrent, or leave it out with --clients",
        { cause },
      );
    }
  },
  async start(stage, { address, dir, name, port, role, torrentFile }) {
    const daemon = await stage.start(name, PYTHON, [
      "-u",
      SCRIPT,
      role,
      `${address}:${port}`,
      dir,
      torrentFile,
    ]);
    return {
      daemon,
      complete: async (timeoutMs) => void (await daemon.waitFor("complete", { timeoutMs })),
    };
  },
};
