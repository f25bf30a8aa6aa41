import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench } from "./lib/bench.ts";
import { CLIENT_NAMES, CLIENTS, type ClientName } from "./lib/clients/index.ts";
import { medianRatio, spread } from "./lib/figures.ts";
import { asMegabytes, asTimes, atLeast, atMost, type Goal } from "./lib/goals.ts";
import { count, size, some } from "./lib/options.ts";
import { inTurns, versionsOf } from "./lib/rounds.ts";
import { runSwarm } from "./lib/swarm-round.ts";
import { renderTable } from "./lib/table.ts";
import { hashFile } from "./lib/torrents.ts";

const PEAK_MOST = 150e6;

const options = {
  size: size("256MiB", "bytes that each leecher downloads"),
  leechers: count(8, "how many leechers", 100),
  "piece-length": size("1MiB", "length of pieces"),
  rounds: count(3, "how often each client runs, in turns with the others", 100),
  clients: some(CLIENT_NAMES, "who is measured"),
};

interface Run {
  readonly client: ClientName;
  readonly round: number;
  /** Of all leechers, each over the time that it took itself. */
  readonly sumMbPerSecond: number;
  /** Until the last was complete. */
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** The seed's first. */
  readonly peakBytes: readonly number[];
}

await runBench({
  name: "peer-swarm",
  about:
    "One seed and some leechers of the same client, which all learn of each other at one moment, over loopback; beside aria2 and\nlibtorrent with their own settings. Every copy is compared with the original.",
  options,
  bytesNeeded: (values) => (values.leechers + 1) * values.size + 2 ** 26,
  async run(stage, values): Promise<Outcome> {
    const versions = await versionsOf(values.clients);
    const seedDir = join(stage.dir, "original");
    await writeSeededContent(seedDir, [{ path: "content.bin", bytes: values.size }], 1);
    const content = await hashFile(join(seedDir, "content.bin"), "content.bin", values["piece-length"]);
    const runs: Run[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const client of inTurns(values.clients, round)) {
        const { leechers } = values;
        const plan = { client: CLIENTS[client], seedDir, content, pageCache: "warm", leechers } as const;
        const figures = await runSwarm(stage, plan);
        const all = [figures.seed, ...figures.leechers];
        const rates = figures.leechers.map((one) => values.size / 1e6 / one.seconds);
        const run = {
          ...{ client, round },
          sumMbPerSecond: rates.reduce((sum, rate) => sum + rate, 0),
          seconds: Math.max(...figures.leechers.map((one) => one.seconds)),
          cpuSeconds: all.reduce((sum, one) => sum + one.cpuSeconds, 0),
          peakBytes: all.map((one) => one.peakBytes),
        };
        runs.push(run);
        stage.print(
          `round ${round + 1} of ${values.rounds}: ${client}: ${run.sumMbPerSecond.toFixed(0)} MB/s together, last after ${run.seconds.toFixed(2)} s`,
        );
      }
    }
    const lines = [
      `1 -> ${values.leechers}, ${formatSize(values.size)}, pieces of ${formatSize(values["piece-length"])}, warm: median of ${values.rounds} rounds, least and most`,
      ...renderTable([
        ["client", "MB/s together", "last s", "CPU s", "peak MB seed", "largest leecher"],
        ...values.clients.map((client) => rowOf(client, runs)),
      ]),
    ];
    return { lines, goals: goalsOf(runs), figures: runs, versions };
  },
});

function rowOf(client: ClientName, runs: readonly Run[]): string[] {
  const own = runs.filter((run) => run.client === client);
  const figure = (of: (run: Run) => number, digits: number) => spread(own.map(of), digits);
  return [
    client,
    figure((run) => run.sumMbPerSecond, 0),
    figure((run) => run.seconds, 2),
    figure((run) => run.cpuSeconds, 1),
    figure((run) => (run.peakBytes[0] ?? 0) / 1e6, 0),
    figure((run) => Math.max(...run.peakBytes.slice(1)) / 1e6, 0),
  ];
}

function goalsOf(runs: readonly Run[]): Goal[] {
  const rounds = [...new Set(runs.map((run) => run.round))].map((round) => {
    const inRound = runs.filter((run) => run.round === round);
    return {
      ours: inRound.find((run) => run.client === "cachetorrent")?.sumMbPerSecond,
      others: inRound.filter((run) => run.client !== "cachetorrent").map((run) => run.sumMbPerSecond),
    };
  });
  const speed = medianRatio(rounds, "highest");
  const peaks = runs.filter((run) => run.client === "cachetorrent").flatMap((run) => run.peakBytes);
  return [
    ...(speed === undefined ? [] : [atLeast("sum of rates ÷ the better other", speed, 1, asTimes)]),
    ...(peaks.length === 0
      ? []
      : [atMost("peak memory of any of ours", Math.max(...peaks), PEAK_MOST, asMegabytes)]),
  ];
}
