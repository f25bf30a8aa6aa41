import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench, type Stage } from "./lib/bench.ts";
import { type Cell, type CellRun, cellOptions, cellsOf, nameOf, ratioToOthers, runsOf } from "./lib/cells.ts";
import { CLIENT_NAMES, CLIENTS, type ClientName } from "./lib/clients/index.ts";
import { spread } from "./lib/figures.ts";
import { asTimes, atLeast, atMost, type Goal } from "./lib/goals.ts";
import { count, size, some } from "./lib/options.ts";
import { inTurns, versionsOf } from "./lib/rounds.ts";
import { runSwarm } from "./lib/swarm-round.ts";
import { renderTable } from "./lib/table.ts";

const options = {
  size: size("1GiB", "bytes to download"),
  rounds: count(3, "how often each client runs, in turns with the others", 100),
  clients: some(CLIENT_NAMES, "who is measured"),
  ...cellOptions,
};

interface Run extends CellRun {
  readonly mbPerSecond: number;
  /** Of seed and leecher together: from the tracker's answer on, and before it. */
  readonly cpuSeconds: number;
  readonly startCpuSeconds: number;
  readonly peakBytes: { readonly seed: number; readonly leecher: number };
}

await runBench({
  name: "peer-throughput",
  about:
    "One seed, one leecher, TCP over loopback, beside aria2 and libtorrent with their own settings. The time counts from the tracker's\nanswer until the leecher says that it is complete; what it has is compared with the original.",
  options,
  bytesNeeded: (values) => 3 * values.size,
  async run(stage, values): Promise<Outcome> {
    const versions = await versionsOf(values.clients);
    const seedDir = join(stage.dir, "original");
    await writeSeededContent(seedDir, [{ path: "content.bin", bytes: values.size }], 1);
    const cells = await cellsOf(values, seedDir, "content.bin");
    const runs: Run[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const { cell, content } of cells) {
        for (const client of inTurns(values.clients, round)) {
          const plan = { client: CLIENTS[client], seedDir, content, pageCache: cell.pageCache, leechers: 1 };
          const { seed, leechers } = await runSwarm(stage, plan);
          const [leecher] = leechers;
          if (!leecher) throw new Error("no leecher ran");
          const run = {
            ...{ ...cell, client, round },
            mbPerSecond: values.size / 1e6 / leecher.seconds,
            cpuSeconds: seed.cpuSeconds + leecher.cpuSeconds,
            startCpuSeconds: seed.startCpuSeconds + leecher.startCpuSeconds,
            peakBytes: { seed: seed.peakBytes, leecher: leecher.peakBytes },
          };
          runs.push(run);
          tellRun(stage, run, values.rounds);
        }
      }
    }
    const lines = [
      `1 -> 1, ${formatSize(values.size)}: median of ${values.rounds} rounds, least and most`,
      ...renderTable(
        [
          ["page cache", "pieces", "client", "MB/s", "CPU s", "CPU s before", "peak MB seed", "leecher"],
          ...cells.flatMap(({ cell }) => values.clients.map((client) => rowOf(cell, client, runs))),
        ],
        3,
      ),
    ];
    return { lines, goals: cells.flatMap(({ cell }) => goalsOf(cell, runs)), figures: runs, versions };
  },
});

function tellRun(stage: Stage, run: Run, rounds: number): void {
  const what = `${nameOf(run)}, ${run.client}`;
  stage.print(
    `round ${run.round + 1} of ${rounds}: ${what}: ${run.mbPerSecond.toFixed(0)} MB/s, ${run.cpuSeconds.toFixed(2)} s CPU`,
  );
}

function rowOf(cell: Cell, client: ClientName, runs: readonly Run[]): string[] {
  const own = runsOf(cell, runs).filter((run) => run.client === client);
  const figure = (of: (run: Run) => number, digits: number) => spread(own.map(of), digits);
  return [
    cell.pageCache,
    cell.pieces,
    client,
    figure((run) => run.mbPerSecond, 0),
    figure((run) => run.cpuSeconds, 2),
    figure((run) => run.startCpuSeconds, 2),
    figure((run) => run.peakBytes.seed / 1e6, 0),
    figure((run) => run.peakBytes.leecher / 1e6, 0),
  ];
}

function goalsOf(cell: Cell, runs: readonly Run[]): Goal[] {
  const own = runsOf(cell, runs);
  const speed = ratioToOthers(own, (run) => run.mbPerSecond, ["aria2", "libtorrent"], "highest");
  const cpu = ratioToOthers(own, (run) => run.cpuSeconds, ["libtorrent"], "lowest");
  const where = nameOf(cell);
  return [
    ...(speed === undefined ? [] : [atLeast(`MB/s ÷ the better other, ${where}`, speed, 1, asTimes)]),
    ...(cpu === undefined ? [] : [atMost(`CPU s ÷ libtorrent's, ${where}`, cpu, 1, asTimes)]),
  ];
}
