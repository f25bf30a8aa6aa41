import { formatSize } from "@cachetorrent/protocol";
import { type Outcome, runBench } from "./lib/bench.ts";
import { median, medianRatio, spread } from "./lib/figures.ts";
import { asMegabytes, asSeconds, asTimes, atMost } from "./lib/goals.ts";
import { count } from "./lib/options.ts";
import { renderTable } from "./lib/table.ts";
import { hashedZeroes } from "./lib/torrents.ts";
import { downloadZeroes, type ZeroDownload } from "./lib/zero-download.ts";

const READY_MOST_S = 3;
const RATIO_MOST = 1.5;
const PEAK_MOST = 150e6;
const PIECE = 2 ** 18;
const BLOCKS_PER_PIECE = PIECE / 2 ** 14;

const options = {
  pieces: count(409_600, "pieces of 256 KiB of the huge torrent"),
  beside: count(1000, "pieces of the torrent that it is compared with"),
  rounds: count(3, "how often each is begun, in turns", 100),
};

await runBench({
  name: "huge-torrent",
  about:
    "A leecher that has nothing of a torrent of 100 GiB (zeroes, of which the first few hundred MiB are fetched): how long until it asks\nfor its first block, and what a block costs, beside a torrent of 1,000 pieces.",
  options,
  // Both fetch as many blocks, all of which are written.
  bytesNeeded: (values) => values.beside * PIECE + 2 ** 26,
  async run(stage, values): Promise<Outcome> {
    const torrents = [
      { name: "huge", content: hashedZeroes("huge.bin", values.pieces, PIECE) },
      { name: "beside", content: hashedZeroes("beside.bin", values.beside, PIECE) },
    ] as const;
    // Not to the end of the smaller one, where blocks are asked for twice.
    const blocks = Math.floor(values.beside * BLOCKS_PER_PIECE * 0.75);
    const warmUp = Math.floor(blocks / 6);
    const runs: ({ readonly torrent: "huge" | "beside"; readonly round: number } & ZeroDownload)[] = [];
    for (let round = 0; round < values.rounds; round++) {
      for (const { content, name } of torrents) {
        const figures = await downloadZeroes(stage, { content, warmUp, blocks });
        runs.push({ torrent: name, round, ...figures });
        stage.print(
          `round ${round + 1} of ${values.rounds}: ${name}: asks after ${figures.readySeconds.toFixed(2)} s, ${figures.cpuMicrosPerBlock.toFixed(1)} µs CPU a block`,
        );
      }
    }
    const of = (name: string) => runs.filter((run) => run.torrent === name);
    const lines = [
      `median of ${values.rounds} rounds, least and most; ${blocks} blocks`,
      ...renderTable([
        ["torrent", "pieces", "ready s", "CPU µs a block", "MB/s", "peak MB"],
        ...torrents.map(({ content, name }) => [
          formatSize(content.length),
          String(content.length / PIECE),
          spread(
            of(name).map((run) => run.readySeconds),
            2,
          ),
          spread(
            of(name).map((run) => run.cpuMicrosPerBlock),
            1,
          ),
          spread(
            of(name).map((run) => (run.blocksPerSecond * 2 ** 14) / 1e6),
            0,
          ),
          spread(
            of(name).map((run) => run.peakBytes / 1e6),
            0,
          ),
        ]),
      ]),
    ];
    const ratio = medianRatio(
      of("huge").map((run) => ({
        ours: run.cpuMicrosPerBlock,
        others: of("beside").flatMap((one) => (one.round === run.round ? [one.cpuMicrosPerBlock] : [])),
      })),
      "lowest",
    );
    return {
      lines,
      goals: [
        atMost("ready to fetch", median(of("huge").map((run) => run.readySeconds)), READY_MOST_S, asSeconds),
        ...(ratio === undefined
          ? []
          : [atMost("CPU of a block ÷ in the smaller torrent", ratio, RATIO_MOST, asTimes)]),
        atMost("peak memory", Math.max(...of("huge").map((run) => run.peakBytes)), PEAK_MOST, asMegabytes),
      ],
      figures: runs,
    };
  },
});
