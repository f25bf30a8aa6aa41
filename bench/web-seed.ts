import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench } from "./lib/bench.ts";
import { spread } from "./lib/figures.ts";
import { count, size, some } from "./lib/options.ts";
import { inTurns, versionsOf } from "./lib/rounds.ts";
import { renderTable } from "./lib/table.ts";
import { hashFile } from "./lib/torrents.ts";
import { FETCHERS, type Fetcher, fetchFromWebSeed } from "./lib/web-seed-fetch.ts";
import { nginxVersion } from "./lib/web-server.ts";

const options = {
  size: size("256MiB", "bytes to download"),
  "piece-length": size("1MiB", "length of pieces"),
  rounds: count(3, "how often each is run, in turns with the others", 100),
  clients: some(FETCHERS, "who is measured"),
};

interface Run {
  readonly fetcher: Fetcher;
  readonly round: number;
  readonly mbPerSecond: number;
  readonly cpuSeconds: number;
  readonly startCpuSeconds: number | undefined;
}

await runBench({
  name: "web-seed",
  about:
    "One peer and a web seed, nginx where it is installed, else Node's HTTP server, over loopback; beside aria2 and libtorrent with their\nown settings, and curl, which checks nothing. The time counts from the first request; what came is compared with the original.",
  options,
  bytesNeeded: (values) => 2 * values.size + 2 ** 26,
  async run(stage, values): Promise<Outcome> {
    const clients = values.clients.filter((one) => one !== "curl");
    const nginx = await nginxVersion();
    const versions = {
      ...(await versionsOf(clients)),
      ...(values.clients.includes("curl") ? { curl: await curlVersion() } : {}),
      server: nginx ?? `Node ${process.version}`,
    };
    const originalDir = join(stage.dir, "original");
    const name = "content.bin";
    await writeSeededContent(originalDir, [{ path: name, bytes: values.size }], 1);
    const content = await hashFile(join(originalDir, name), name, values["piece-length"]);
    const runs: Run[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const fetcher of inTurns(values.clients, round)) {
        const plan = { fetcher, originalDir, content, isNginx: nginx !== undefined };
        const { cpuSeconds, seconds, startCpuSeconds } = await fetchFromWebSeed(stage, plan);
        const mbPerSecond = values.size / 1e6 / seconds;
        runs.push({ fetcher, round, mbPerSecond, cpuSeconds, startCpuSeconds });
        stage.print(
          `round ${round + 1} of ${values.rounds}: ${fetcher}: ${mbPerSecond.toFixed(0)} MB/s, ${cpuSeconds.toFixed(2)} s CPU`,
        );
      }
    }
    const lines = [
      `from ${versions.server}, ${formatSize(values.size)}, pieces of ${formatSize(values["piece-length"])}: median of ${values.rounds} rounds, least and most`,
      ...renderTable([
        ["client", "MB/s", "CPU s", "of these before it listened"],
        ...values.clients.map((fetcher) => rowOf(fetcher, runs)),
      ]),
    ];
    return { lines, goals: [], figures: runs, versions };
  },
});

async function curlVersion(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("curl", ["--version"]);
    return stdout.split(" (")[0] ?? "";
  } catch (cause) {
    throw new Error("curl is not here: apt-get install curl, or leave it out with --clients", { cause });
  }
}

function rowOf(fetcher: Fetcher, runs: readonly Run[]): string[] {
  const own = runs.filter((run) => run.fetcher === fetcher);
  const starts = own.flatMap(({ startCpuSeconds }) => startCpuSeconds ?? []);
  return [
    fetcher,
    spread(
      own.map((run) => run.mbPerSecond),
      0,
    ),
    spread(
      own.map((run) => run.cpuSeconds),
      2,
    ),
    starts.length === 0 ? "" : spread(starts, 2),
  ];
}
