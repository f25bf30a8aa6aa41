import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Outcome, runBench, type Stage } from "./lib/bench.ts";
import { asKibibytes, asPercent, atMost } from "./lib/goals.ts";
import { count } from "./lib/options.ts";
import { RawCrowd } from "./lib/raw-crowd.ts";
import { renderTable } from "./lib/table.ts";
import { type Hashed, hashedZeroes, writeSparse } from "./lib/torrents.ts";
import { measureRest, type Rest } from "./lib/waiting.ts";
import { downloadZeroes, startPeer } from "./lib/zero-download.ts";

const CPU_MOST = 5;
const BYTES_PER_CONNECTION = 30 * 1024;
const PIECE = 2 ** 18;
/**
 * So many connections come and go, one after the other, before anything is measured: what is compiled and allocated for the first ones is no part of what another
 * one costs, and shared out to 200 of them would be most of it.
 */
const COME_BEFORE = 300;

const options = {
  idle: count(2000, "idle connections to a seed", 2900),
  leecher: count(200, "connections to a leecher", 2900),
  pieces: count(1000, "pieces of 256 KiB of the torrent"),
  settle: count(10, "seconds before anything is measured", 600),
  seconds: count(30, "seconds that rest is measured for", 3600),
};

interface Resting {
  readonly without: Rest;
  readonly with: Rest;
}

await runBench({
  name: "peer-connections",
  about:
    "What connections cost that nothing goes over: on a seed, of peers that have nothing and are not interested; on a leecher, of peers\nthat have everything and choke it. Then what a block costs a leecher with one peer, and with all the others beside it.",
  options,
  bytesNeeded: (values) => values.pieces * PIECE,
  async run(stage, values): Promise<Outcome> {
    const content = hashedZeroes("zeroes.bin", values.pieces, PIECE);
    const rest = { settleSeconds: values.settle, seconds: values.seconds };

    await writeSparse(join(stage.dir, "seed", "content", content.name), content.length);
    const seed = await measureIdle(stage, "seed", content, { ...rest, connections: values.idle });
    stage.print(`seed with ${values.idle}: ${seed.with.cpuPercent.toFixed(1)} % CPU at rest`);
    const leecher = await measureIdle(stage, "leecher", content, { ...rest, connections: values.leecher });
    stage.print(`leecher with ${values.leecher}: ${leecher.with.cpuPercent.toFixed(1)} % CPU at rest`);

    // Not to the end, where blocks are asked for twice.
    const blocks = Math.floor(values.pieces * (PIECE / 2 ** 14) * 0.75);
    const warmUp = Math.floor(blocks / 6);
    await rm(join(stage.dir, "leecher"), { recursive: true, force: true });
    const alone = await downloadZeroes(stage, { content, warmUp, blocks });
    let crowd: RawCrowd | undefined;
    const crowded = await downloadZeroes(stage, {
      ...{ content, warmUp, blocks },
      beforeSeed: async ({ endpoint, infoHash }) => {
        const order = { endpoint, infoHash, holds: "everything" } as const;
        crowd = await RawCrowd.open(stage.clock, order, values.leecher - 1);
      },
    });
    crowd?.close();

    const bytesEach = (resting: Resting, connections: number) =>
      (resting.with.residentBytes - resting.without.residentBytes) / connections;
    const seedBytes = bytesEach(seed, values.idle);
    const leecherBytes = bytesEach(leecher, values.leecher);
    const row = (what: string, connections: number, resting: Resting, bytes: number): string[] => [
      what,
      String(connections),
      resting.without.cpuPercent.toFixed(1),
      resting.with.cpuPercent.toFixed(1),
      (resting.without.residentBytes / 1e6).toFixed(0),
      (resting.with.residentBytes / 1e6).toFixed(0),
      (bytes / 1024).toFixed(1),
    ];
    const lines = [
      `at rest, over ${values.seconds} s`,
      ...renderTable([
        ["peer", "connections", "CPU % without", "with", "memory MB without", "with", "KiB each"],
        row("seed", values.idle, seed, seedBytes),
        row("leecher", values.leecher, leecher, leecherBytes),
      ]),
      "",
      `a leecher, ${blocks} blocks`,
      ...renderTable([
        ["connections", "CPU µs a block", "MB/s"],
        ...[
          { connections: 1, ...alone },
          { connections: values.leecher, ...crowded },
        ].map(({ blocksPerSecond, connections, cpuMicrosPerBlock }) => [
          String(connections),
          cpuMicrosPerBlock.toFixed(1),
          ((blocksPerSecond * 2 ** 14) / 1e6).toFixed(0),
        ]),
      ]),
    ];
    return {
      lines,
      goals: [
        atMost(`CPU at rest, seed with ${values.idle}`, seed.with.cpuPercent, CPU_MOST, asPercent),
        atMost(`CPU at rest, leecher with ${values.leecher}`, leecher.with.cpuPercent, CPU_MOST, asPercent),
        atMost("memory of an idle connection, seed", seedBytes, BYTES_PER_CONNECTION, asKibibytes),
        atMost("memory of an idle connection, leecher", leecherBytes, BYTES_PER_CONNECTION, asKibibytes),
      ],
      figures: { seed, leecher, alone, crowded },
    };
  },
});

async function measureIdle(
  stage: Stage,
  role: "seed" | "leecher",
  content: Hashed,
  rest: { readonly settleSeconds: number; readonly seconds: number; readonly connections: number },
): Promise<Resting> {
  const { daemon, endpoint, infoHash } = await startPeer(stage, role, content);
  const order = { endpoint, infoHash, holds: role === "seed" ? "nothing" : "everything" } as const;
  let crowd: RawCrowd | undefined;
  try {
    for (let come = 0; come < COME_BEFORE; come++) (await RawCrowd.open(stage.clock, order, 1)).close();
    crowd = await RawCrowd.open(stage.clock, order, 1);
    const without = await measureRest(stage.clock, daemon, rest);
    crowd.close();
    crowd = await RawCrowd.open(stage.clock, order, rest.connections);
    const result = { without, with: await measureRest(stage.clock, daemon, rest) };
    if (crowd.size < rest.connections)
      throw daemon.failure(`closed ${rest.connections - crowd.size} of ${rest.connections} connections`);
    return result;
  } finally {
    crowd?.close();
    await daemon.stop();
  }
}
