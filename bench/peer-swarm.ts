import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench } from "./lib/bench.ts";
import { type Cell, type CellRun, cellOptions, cellsOf, nameOf, ratioToOthers, runsOf } from "./lib/cells.ts";
import { CLIENT_NAMES, CLIENTS, type ClientName } from "./lib/clients/index.ts";
import { spread } from "./lib/figures.ts";
import { asMegabytes, asTimes, atLeast, atMost, type Goal } from "./lib/goals.ts";
import { count, size, some } from "./lib/options.ts";
import { inTurns, versionsOf } from "./lib/rounds.ts";
import { runSwarm } from "./lib/swarm-round.ts";
import { renderTable } from "./lib/table.ts";

const PEAK_MOST = 150e6;

const options = {
  size: size("256MiB", "bytes that each leecher downloads"),
  leechers: count(8, "how many leechers", 100),
  rounds: count(3, "how often each client runs, in turns with the others", 100),
  clients: some(CLIENT_NAMES, "who is measured"),
  ...cellOptions,
};

interface Run extends CellRun {
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
    const cells = await cellsOf(values, seedDir, "content.bin");
    const { leechers } = values;
    const runs: Run[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const { cell, content } of cells) {
        for (const client of inTurns(values.clients, round)) {
          const plan = { client: CLIENTS[client], seedDir, content, pageCache: cell.pageCache, leechers };
          const figures = await runSwarm(stage, plan);
          const all = [figures.seed, ...figures.leechers];
          const rates = figures.leechers.map((one) => values.size / 1e6 / one.seconds);
          const run = {
            ...{ ...cell, client, round },
            sumMbPerSecond: rates.reduce((sum, rate) => sum + rate, 0),
            seconds: Math.max(...figures.leechers.map((one) => one.seconds)),
            cpuSeconds: all.reduce((sum, one) => sum + one.cpuSeconds, 0),
            peakBytes: all.map((one) => one.peakBytes),
          };
          runs.push(run);
          stage.print(
            `round ${round + 1} of ${values.rounds}: ${nameOf(run)}, ${client}: ${run.sumMbPerSecond.toFixed(0)} MB/s together, last after ${run.seconds.toFixed(2)} s`,
          );
        }
      }
    }
    const lines = [
      `1 -> ${leechers}, ${formatSize(values.size)}: median of ${values.rounds} rounds, least and most`,
      ...renderTable(
        [
          [
            "page cache",
            "pieces",
            "client",
            "MB/s together",
            "last s",
            "CPU s",
            "peak MB seed",
            "largest leecher",
          ],
          ...cells.flatMap(({ cell }) => values.clients.map((client) => rowOf(cell, client, runs))),
        ],
        3,
      ),
    ];
    return {
      lines,
      goals: [...cells.flatMap(({ cell }) => speedGoals(cell, runs)), ...memoryGoals(runs)],
      figures: runs,
      versions,
    };
  },
});

function rowOf(cell: Cell, client: ClientName, runs: readonly Run[]): string[] {
  const own = runsOf(cell, runs).filter((run) => run.client === client);
  const figure = (of: (run: Run) => number, digits: number) => spread(own.map(of), digits);
  return [
    cell.pageCache,
    cell.pieces,
    client,
    figure((run) => run.sumMbPerSecond, 0),
    figure((run) => run.seconds, 2),
    figure((run) => run.cpuSeconds, 1),
    figure((run) => (run.peakBytes[0] ?? 0) / 1e6, 0),
    figure((run) => Math.max(...run.peakBytes.slice(1)) / 1e6, 0),
  ];
}

function speedGoals(cell: Cell, runs: readonly Run[]): Goal[] {
  const of = (run: Run) => run.sumMbPerSecond;
  const speed = ratioToOthers(runsOf(cell, runs), of, ["aria2", "libtorrent"], "highest");
  const what = `sum of rates ÷ the better other, ${nameOf(cell)}`;
  return speed === undefined ? [] : [atLeast(what, speed, 1, asTimes)];
}

function memoryGoals(runs: readonly Run[]): Goal[] {
  const peaks = runs.filter((run) => run.client === "cachetorrent").flatMap((run) => run.peakBytes);
  if (peaks.length === 0) return [];
  return [atMost("peak memory of any of ours", Math.max(...peaks), PEAK_MOST, asMegabytes)];
}
