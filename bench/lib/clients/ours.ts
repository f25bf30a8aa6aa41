import { join } from "node:path";
import type { Client } from "./client.ts";

export const ours: Client = {
  name: "cachetorrent",
  version: () => Promise.resolve(`Node ${process.version}`),
  async start(stage, { address, dir, name, port, torrentFile, webSeed }) {
    const daemon = await stage.start(name, stage.program, [
      ...["peer", torrentFile],
      ...["--dir", dir],
      ...["--listen", `${address}:${port}`],
      ...["--state", join(dir, "..", "state")],
      ...["--log-level", "warn"],
      ...(webSeed === undefined ? [] : ["--web-seed", webSeed]),
      "--json",
    ]);
    return {
      daemon,
      complete: async (timeoutMs) => void (await daemon.waitFor("complete", { timeoutMs })),
    };
  },
};
