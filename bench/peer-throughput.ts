import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench, type Stage } from "./lib/bench.ts";
import { CLIENT_NAMES, CLIENTS, type ClientName } from "./lib/clients/index.ts";
import { medianRatio, spread } from "./lib/figures.ts";
import { asTimes, atLeast, atMost, type Goal } from "./lib/goals.ts";
import { count, size, some } from "./lib/options.ts";
import { inTurns, versionsOf } from "./lib/rounds.ts";
import { runSwarm } from "./lib/swarm-round.ts";
import { renderTable } from "./lib/table.ts";
import { hashFile } from "./lib/torrents.ts";

const PIECES = { "1MiB": 2 ** 20, "256KiB": 2 ** 18 } as const;
type PieceName = keyof typeof PIECES;
type PageCache = "warm" | "cold";

const options = {
  size: size("1GiB", "bytes to download"),
  rounds: count(3, "how often each client runs, in turns with the others", 100),
  clients: some(CLIENT_NAMES, "who is measured"),
  "page-cache": some<PageCache>(["warm", "cold"], "is the seed's file in memory when the download begins"),
  pieces: some(Object.keys(PIECES) as PieceName[], "lengths of pieces"),
};

interface Run {
  readonly client: ClientName;
  readonly pageCache: PageCache;
  readonly pieces: PieceName;
  readonly round: number;
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
    const contents = new Map(
      await Promise.all(
        values.pieces.map(async (pieces) => {
          const file = join(seedDir, "content.bin");
          return [pieces, await hashFile(file, "content.bin", PIECES[pieces])] as const;
        }),
      ),
    );
    const runs: Run[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const pageCache of values["page-cache"]) {
        for (const [pieces, content] of contents) {
          for (const client of inTurns(values.clients, round)) {
            const plan = { client: CLIENTS[client], seedDir, content, pageCache, leechers: 1 };
            const { seed, leechers } = await runSwarm(stage, plan);
            const [leecher] = leechers;
            if (!leecher) throw new Error("no leecher ran");
            const run = {
              ...{ client, pageCache, pieces, round },
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
    }
    const cells = values["page-cache"].flatMap((pageCache) =>
      values.pieces.map((pieces) => ({ pageCache, pieces })),
    );
    const lines = [
      `1 -> 1, ${formatSize(values.size)}: median of ${values.rounds} rounds, least and most`,
      ...renderTable(
        [
          ["page cache", "pieces", "client", "MB/s", "CPU s", "CPU s before", "peak MB seed", "leecher"],
          ...cells.flatMap((cell) => values.clients.map((client) => rowOf(cell, client, runs))),
        ],
        3,
      ),
    ];
    return { lines, goals: cells.flatMap((cell) => goalsOf(cell, runs)), figures: runs, versions };
  },
});

type Cell = Pick<Run, "pageCache" | "pieces">;

function runsOf(cell: Cell, runs: readonly Run[]): Run[] {
  return runs.filter(({ pageCache, pieces }) => pageCache === cell.pageCache && pieces === cell.pieces);
}

function tellRun(stage: Stage, run: Run, rounds: number): void {
  const what = `${run.pageCache}, pieces of ${run.pieces}, ${run.client}`;
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
  const rounds = [...new Set(own.map((run) => run.round))];
  const compare = (of: (run: Run) => number, others: readonly ClientName[], best: "highest" | "lowest") =>
    medianRatio(
      rounds.map((round) => {
        const inRound = own.filter((run) => run.round === round);
        const mine = inRound.find((run) => run.client === "cachetorrent");
        return {
          ours: mine && of(mine),
          others: inRound.filter((run) => others.includes(run.client)).map(of),
        };
      }),
      best,
    );
  const speed = compare((run) => run.mbPerSecond, ["aria2", "libtorrent"], "highest");
  const cpu = compare((run) => run.cpuSeconds, ["libtorrent"], "lowest");
  const where = `${cell.pageCache}, ${cell.pieces}`;
  return [
    ...(speed === undefined ? [] : [atLeast(`MB/s ÷ the better other, ${where}`, speed, 1, asTimes)]),
    ...(cpu === undefined ? [] : [atMost(`CPU s ÷ libtorrent's, ${where}`, cpu, 1, asTimes)]),
  ];
}
