import { join } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";
import type { CellRecords } from "../cell-records.ts";
import type { CellRunner, CellTask } from "../cell-runner.ts";
import { processesFor } from "../open-files.ts";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { isLimited } from "./as-links.ts";
import { runCell } from "./cell-run.ts";

export interface LoopbackOptions {
  /** Cells side by side. They share nothing but the machine. */
  readonly atOnce: number;
  /** Processes, or threads where ASes have links to share, to spread the peers of a cell over. */
  readonly workers: number;
  /** No more of them either, where each would need more open files than it may have; by default there are. */
  readonly isFixed?: boolean;
  readonly clock: Clock;
  /** Microseconds of CPU that this process has used, over all threads, without its children. */
  readonly cpuMicros: () => number;
}

/** All peers on this machine, in a few processes or threads, over loopback. */
export class LoopbackRunner implements CellRunner {
  readonly on = "loopback";
  readonly atOnce: number;
  /** No peer ever asks it: each run's own tracker takes its place. */
  readonly announceUrl = "http://127.0.0.1:1/announce";
  readonly #options: LoopbackOptions;
  #workers: number;

  constructor(options: LoopbackOptions) {
    this.atOnce = options.atOnce;
    this.#workers = options.workers;
    this.#options = options;
  }

  async check(scenario: Scenario, cells: readonly Cell[]): Promise<void> {
    const isBeyond = what(scenario);
    if (isBeyond !== undefined) {
      throw new CtError(
        "CT_ERR_USAGE",
        `${scenario.name} has ${isBeyond}: run it in containers, --on compose`,
      );
    }
    const { atOnce, isFixed = false, workers } = this.#options;
    if (scenario.ases.some(isLimited)) {
      // Threads, of all cells alike, have one process.
      await processesFor(scenario, cells, { cellsInOne: atOnce, processes: 1, isDealtOut: false, isFixed });
      return;
    }
    const hosting = { cellsInOne: 1, processes: workers, isDealtOut: true, isFixed };
    this.#workers = await processesFor(scenario, cells, hosting);
  }

  run({ content, scenario, workDir, ...task }: CellTask): Promise<CellRecords> {
    return runCell({
      ...this.#options,
      ...task,
      workers: this.#workers,
      scenario,
      metainfo: content.metainfo,
      contentDir: content.dir,
      ...(scenario.storage === "own" ? { peersDir: join(workDir, "peers") } : {}),
    });
  }
}

/** What loopback has not. */
function what({ ases, variants }: Scenario): string | undefined {
  if (variants.some(({ faults }) => faults)) return "faults, which are done to borders and processes";
  if (ases.some(({ stock }) => stock)) return "stock clients, which are programs of their own";
  return undefined;
}
