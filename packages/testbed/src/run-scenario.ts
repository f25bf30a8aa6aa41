import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { LIMITS } from "@cachetorrent/protocol";
import type { CellProgress } from "./cell-records.ts";
import { cellBoundMs, cellResult, failedCell } from "./cell-result.ts";
import type { CellRunner, CellTask } from "./cell-runner.ts";
import { CellStore } from "./cell-store.ts";
import { prepareContent } from "./prepare-content.ts";
import { type CellResult, type TestbedReport, writeReport } from "./report/index.ts";
import { cellsOf } from "./scenario/cells.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";
import { planTopology } from "./topology.ts";

export interface RunScenarioOptions {
  readonly scenario: Scenario;
  /** Holds the report and, one by one, the cells. */
  readonly outDir: string;
  /** Cells that are done in `outDir` are kept. Without it a folder that has any is refused. */
  readonly resume: boolean;
  readonly runner: CellRunner;
  readonly madeAt: () => Date;
  /** For the report: what makes it again, and where it was made. */
  readonly command: string;
  readonly machine: string;
  /** Ends the run; what is done is kept. */
  readonly signal: AbortSignal;
  readonly watcher: RunWatcher;
}

/** Who shows how a run goes. */
export interface RunWatcher {
  /** `kept`: cells that were done before. */
  planned(cells: readonly Cell[], kept: readonly CellResult[], contentBytes: number): void;
  started(cell: Cell, boundMs: number): void;
  progressed(cell: Cell, progress: CellProgress): void;
  ended(cell: Cell, result: CellResult): void;
}

/** Things are sampled about this many times in a run that takes 1.2 times its bound. */
const SAMPLES = 100;
const SAMPLE_REAL_MS_LEAST = 100;

export interface ScenarioRun {
  readonly report: TestbedReport;
  /** The cell that broke down and so ended the run; absent where none did. */
  readonly broken?: CellResult;
}

/**
 * Runs every cell of the scenario that is not done, and writes the report anew after each. A cell that breaks down ends the
 * run, with the cells beside it; so does the signal. Throws CT_ERR_USAGE or CT_ERR_TESTBED before anything is run, for what cannot
 * be run.
 */
export async function runScenario(options: RunScenarioOptions): Promise<ScenarioRun> {
  const { outDir, runner, scenario, watcher } = options;
  const breaking = new AbortController();
  const signal = AbortSignal.any([options.signal, breaking.signal]);
  await runner.check(scenario, cellsOf(scenario));
  const store = await CellStore.open(outDir, scenario, options.resume, runner.on);
  const workDir = join(outDir, "work");
  await rm(workDir, { recursive: true, force: true });
  await mkdir(workDir, { recursive: true });
  try {
    const content = await prepareContent(scenario, workDir, runner.announceUrl);
    const { metainfo } = content;
    store.contentIs(metainfo.infoHash);
    const size = { bytes: metainfo.length, pieceLength: metainfo.pieceLength };
    const cells = cellsOf(scenario);
    const results = new Map<Cell, CellResult>();
    for (const cell of cells) {
      const kept = store.kept(cell);
      if (kept) results.set(cell, kept);
    }
    watcher.planned(cells, [...results.values()], size.bytes);
    const report = () => makeReport(options, metainfo, cells, results);
    let written = Promise.resolve();
    // One after the other: two at once would write the same files.
    const write = () => {
      written = written.then(() => writeReport(report(), outDir));
      return written;
    };
    const queue = cells.filter((cell) => !results.has(cell));
    let broken: CellResult | undefined;
    const runCell = async (cell: Cell, cellDir: string) => {
      const boundMs = cellBoundMs(scenario, cell, size.bytes);
      watcher.started(cell, boundMs);
      const task: CellTask = {
        scenario,
        cell,
        content,
        workDir: cellDir,
        sampleMs: Math.max((boundMs * 1.2) / SAMPLES, SAMPLE_REAL_MS_LEAST * scenario.timeScale),
        signal,
        onProgress: (progress) => watcher.progressed(cell, progress),
      };
      const run = await runner.run(task).then(
        async (records) => {
          await store.saveLog(cell, records.warnings);
          return {
            result: cellResult(scenario, cell, size, records),
            brokeDown: records.brokeDown === true,
          };
        },
        (error: Error) => ({ result: failedCell(scenario, cell, size, error.message), brokeDown: true }),
      );
      await rm(cellDir, { recursive: true, force: true });
      return run;
    };
    const runQueue = async (_: unknown, lane: number): Promise<void> => {
      for (let cell = queue.shift(); cell && !signal.aborted; cell = queue.shift()) {
        const { brokeDown, result } = await runCell(cell, join(workDir, `cell-${lane}`));
        results.set(cell, result);
        await store.save(cell, result);
        await write();
        watcher.ended(cell, result);
        if (!brokeDown) continue;
        broken ??= result;
        breaking.abort();
      }
    };
    await Promise.all(Array.from({ length: runner.atOnce }, runQueue));
    await write();
    return { report: report(), ...(broken ? { broken } : {}) };
  } finally {
    await rm(workDir, { recursive: true, force: true });
  }
}

function makeReport(
  options: RunScenarioOptions,
  metainfo: { readonly length: number; readonly pieceCount: number; readonly pieceLength: number },
  cells: readonly Cell[],
  results: ReadonlyMap<Cell, CellResult>,
): TestbedReport {
  const { scenario } = options;
  const finite = (rate: number) => (Number.isFinite(rate) ? rate : null);
  const [variant] = scenario.variants;
  const planned = variant ? planTopology(scenario, { variant, repetition: 1 }).peers : [];
  const present = cells.flatMap((cell) => results.get(cell) ?? []);
  return {
    format: 1,
    scenario: scenario.name,
    about: scenario.about,
    command: options.command,
    machine: options.machine,
    madeAt: options.madeAt().toISOString(),
    seed: scenario.seed,
    timeScale: scenario.timeScale,
    ...(options.runner.on === "compose" ? { on: "compose", storage: "own" } : { storage: scenario.storage }),
    contentBytes: metainfo.length,
    pieces: metainfo.pieceCount,
    pieceLength: metainfo.pieceLength,
    ases: scenario.ases.map((one) => {
      const seeds = planned.filter((peer) => peer.isInitialSeed && peer.asn === one.asn);
      const up = Number.isFinite(one.up) ? one.up : (seeds[0]?.up ?? LIMITS.peer.defaultCapacity);
      return {
        asn: one.asn,
        name: one.name,
        peers: one.peers + seeds.length,
        initialSeeds: seeds.length,
        up,
        down: finite(one.down),
        linkIn: finite(one.linkIn),
        linkOut: finite(one.linkOut),
        ...(one.stock ? { stock: Object.values(one.stock).reduce((sum, count) => sum + count, 0) } : {}),
      };
    }),
    isPartial: cells.some((cell) => results.get(cell)?.state !== "done"),
    cells: present,
  };
}
