import type { CellProgress, CellRecords } from "./cell-records.ts";
import type { PreparedContent } from "./prepare-content.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";

/** Where and how the cells of a scenario are run. */
export interface CellRunner {
  /** A cell of one is not taken for the other's when a run goes on. */
  readonly on: "loopback" | "compose";
  /** What the torrent says of its tracker. */
  readonly announceUrl: string;
  /** Throws CT_ERR_USAGE or CT_ERR_TESTBED, before anything is run, for what it cannot run. */
  check(scenario: Scenario, cells: readonly Cell[]): Promise<void>;
  /** Resolves with the records also of a cell that was ended early; rejects with CT_ERR_TESTBED when it broke down. Nothing is left running. */
  run(task: CellTask): Promise<CellRecords>;
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
