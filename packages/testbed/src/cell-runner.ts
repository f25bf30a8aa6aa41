import type { CellProgress, CellRecords } from "./cell-records.ts";
import type { PreparedContent } from "./prepare-content.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";

/** Where and how the cells of a scenario are run. */
export interface CellRunner {
  /** A cell of one is not taken for the other's when a run goes on. */
  readonly on: "loopback" | "compose";
  /** How many cells it runs side by side. */
  readonly atOnce: number;
  /** What the torrent says of its tracker. */
  readonly announceUrl: string;
  /** Throws CT_ERR_USAGE or CT_ERR_TESTBED, before anything is run, for what it cannot run. */
  check(scenario: Scenario, cells: readonly Cell[]): Promise<void>;
  /** Resolves with the records also of a cell that was ended early, or broke down once it had begun; rejects with CT_ERR_TESTBED where there are none. Nothing is left running. */
  run(task: CellTask): Promise<CellRecords>;
  /** What a run of the scenario leaves if this process ends before it, and how to remove that; absent where nothing is left. */
  leftBehind?(scenario: Scenario): string;
}

export interface CellTask {
  readonly scenario: Scenario;
  readonly cell: Cell;
  readonly content: PreparedContent;
  /** For what the cell writes: new, and removed afterwards. */
  readonly workDir: string;
  /** About how often things are sampled, in ms of the swarm's clock. */
  readonly sampleMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CellProgress) => void;
}
