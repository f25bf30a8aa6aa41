import { join } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";
import type { CellRecords } from "../cell-records.ts";
import type { CellRunner, CellTask } from "../cell-runner.ts";
import { checkOpenFiles } from "../open-files.ts";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { runCell } from "./cell-run.ts";

export interface LoopbackOptions {
  /** Threads to spread the peers over. */
  readonly workers: number;
  readonly clock: Clock;
  /** Microseconds of CPU that this process has used, over all threads. */
  readonly cpuMicros: () => number;
}

/** All peers in threads of this process, over loopback. */
export class LoopbackRunner implements CellRunner {
  readonly on = "loopback";
  /** No peer ever asks it: each run's own tracker takes its place. */
  readonly announceUrl = "http://127.0.0.1:1/announce";
  readonly #options: LoopbackOptions;

  constructor(options: LoopbackOptions) {
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
    await checkOpenFiles(scenario, cells);
  }

  run({ content, scenario, workDir, ...task }: CellTask): Promise<CellRecords> {
    return runCell({
      ...this.#options,
      ...task,
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
