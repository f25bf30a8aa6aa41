import type { Clock } from "@cachetorrent/clock";
import type { CellRecords } from "../cell-records.ts";

/** With so much of the machine busy, on average, it and not the policy may have set the pace. */
const BUSY_MOST = 0.9;

export interface Machine {
  readonly clock: Clock;
  /** Microseconds that all its cores together have been busy. */
  readonly busyMicros: () => number;
  readonly cores: number;
}

/** Begins to measure what a machine has to do; what is returned says, when called, what it was since. */
export function machineLoad({
  busyMicros,
  clock,
  cores,
}: Machine): () => Pick<CellRecords, "wallMs" | "cpu" | "isMachineLimited"> {
  const busyFrom = busyMicros();
  const wallFrom = clock.now();
  return () => {
    const wallMs = clock.now() - wallFrom;
    const cpu = (busyMicros() - busyFrom) / 1000 / wallMs;
    return { wallMs, cpu, isMachineLimited: cpu > BUSY_MOST * cores };
  };
}
