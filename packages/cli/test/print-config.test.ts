import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { call, run, temporaryFolder } from "./support/run.ts";

describe("--print-config", () => {
  test("prints what flags, environment, file and defaults make together, and runs nothing", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "peer.yaml"), "limit-up: 1MB/s\nlimit-down: 2MB/s\nupload-slots: 9\n");
    const { exitCode, stdout } = await run(
      ["peer", "--print-config", "--config", "peer.yaml", "--limit-up", "16Mbit/s", "--no-candidate"],
      { cwd: folder, env: { CACHETORRENT_PEER_LIMIT_DOWN: "3MB/s" } },
    );
    expect(exitCode).toBe(0);
    expect(parse(stdout)).toMatchObject({
      "limit-up": "2000000B/s",
      "limit-down": "3000000B/s",
      "upload-slots": 9,
      "no-candidate": true,
      numwant: 50,
      // Nobody is asked, and told of, beyond the tracker and its peers, unless that is wanted.
      dht: false,
      "local-discovery": false,
    });
  });
  test("takes repeated flags as a list", async () => {
    const args = ["--as-prefix", "198.18.1.0/24=64501", "--as-prefix", "198.18.2.0/24=64502"];
    const { stdout } = await call(["tracker", "--print-config", ...args]);
    expect(parse(stdout)["as-prefix"]).toEqual(["198.18.1.0/24=64501", "198.18.2.0/24=64502"]);
  });
  test("can be fed back by --config, named by the environment too", async () => {
    const folder = await temporaryFolder();
    const first = await call(["tracker", "--print-config", "--policy", "biased", "--quorum", "7"]);
    await writeFile(join(folder, "tracker.yaml"), first.stdout);
    const again = await call(["tracker", "--print-config"], {
      cwd: folder,
      env: { CACHETORRENT_TRACKER_CONFIG: "tracker.yaml" },
    });
    expect(again.stdout).toBe(first.stdout);
  });
});
