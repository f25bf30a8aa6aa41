import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { LIMITS } from "@cachetorrent/protocol";
import type { CellProgress } from "./cell-records.ts";
import { cellBoundMs, cellResult, failedCell } from "./cell-result.ts";
import type { CellRunner, CellTask } from "./cell-runner.ts";
import { CellStore } from "./cell-store.ts";
import { inOutDir } from "./out-dir.ts";
import { prepareContent } from "./prepare-content.ts";
import { type CellResult, type TestbedReport, writeReport } from "./report/index.ts";
import { type Choice, cellsChosen, widened } from "./scenario/cells.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";
import { planTopology } from "./topology.ts";

export interface RunScenarioOptions {
  readonly scenario: Scenario;
  /** Of its cells those that are to be run; all of them unless said. */
  readonly choice?: Choice;
  /** Holds the report and, one by one, the cells. */
  readonly outDir: string;
  /** Cells of the scenario that are done in `outDir` are kept, chosen or not. Without it a folder that has any is refused. */
  readonly resume: boolean;
  readonly runner: CellRunner;
  readonly madeAt: () => Date;
  /** For the report: what makes one with these cells again, and where it was made. */
  readonly command: (choice: Choice) => string;
  readonly machine: string;
  /** Ends the run; what is done is kept. */
  readonly signal: AbortSignal;
  readonly watcher: RunWatcher;
}

/** Who shows how a run goes. */
export interface RunWatcher {
  /** `cells`: those chosen. `kept`: what was done before, of other cells of the scenario, too. */
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
 * Runs every chosen cell of the scenario that is not done, and writes the report anew after each, with whatever else of the scenario
 * is done. A cell that breaks down ends the
 * run, with the cells beside it; so does the signal. Throws CT_ERR_USAGE or CT_ERR_TESTBED before anything is run, for what cannot
 * be run, and what the file system says of `outDir`, which is named.
 */
export function runScenario(options: RunScenarioOptions): Promise<ScenarioRun> {
  return inOutDir(options.outDir, () => runCells(options));
}

async function runCells(options: RunScenarioOptions): Promise<ScenarioRun> {
  const { outDir, runner, scenario, watcher } = options;
  const breaking = new AbortController();
  const signal = AbortSignal.any([options.signal, breaking.signal]);
  const { choice = {} } = options;
  const { all, chosen } = cellsChosen(scenario, choice);
  await runner.check(scenario, chosen);
  const store = await CellStore.open(outDir, scenario, options.resume, runner.on);
  const workDir = join(outDir, "work");
  await rm(workDir, { recursive: true, force: true });
  try {
    const content = await prepareContent(scenario, workDir, runner.announceUrl);
    const { metainfo } = content;
    // Here, or a folder that may not be written to would be found out when the first cell is done.
    await makeDirectory(workDir);
    store.contentIs(metainfo.infoHash);
    const size = { bytes: metainfo.length, pieceLength: metainfo.pieceLength };
    const results = new Map<Cell, CellResult>();
    for (const cell of all) {
      const kept = store.kept(cell);
      if (kept) results.set(cell, kept);
    }
    watcher.planned(chosen, [...results.values()], size.bytes);
    const report = () => makeReport(options, metainfo, { all, chosen, results });
    let written = Promise.resolve();
    // One after the other: two at once would write the same files.
    const write = () => {
      written = written.then(() => writeReport(report(), outDir));
      return written;
    };
    const queue = chosen.filter((cell) => !results.has(cell));
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
      const { machine, madeAt } = options;
      return { ...run, result: { ...run.result, madeAt: madeAt().toISOString(), machine } };
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
  cells: {
    readonly all: readonly Cell[];
    readonly chosen: readonly Cell[];
    readonly results: ReadonlyMap<Cell, CellResult>;
  },
): TestbedReport {
  const { choice = {}, scenario } = options;
  const { all, chosen, results } = cells;
  const finite = (rate: number) => (Number.isFinite(rate) ? rate : null);
  const [variant] = scenario.variants;
  const planned = variant ? planTopology(scenario, { variant, repetition: 1 }).peers : [];
  const present = all.filter((cell) => results.has(cell));
  return {
    format: 1,
    scenario: scenario.name,
    about: scenario.about,
    command: options.command(widened(scenario, choice, present)),
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
    isPartial: chosen.some((cell) => results.get(cell)?.state !== "done"),
    cells: present.flatMap((cell) => results.get(cell) ?? []),
  };
}
