import {
  type Cell,
  type CellProgress,
  type CellResult,
  cellLabel,
  estimateMs,
  type RunWatcher,
  type Scenario,
} from "@cachetorrent/testbed";
import type { TerminalDisplay } from "../terminal-display.ts";
import { bar, duration, percent } from "./progress-line.ts";

const BAR_CELLS = 16;
/** Where nobody watches, a line this often is enough. */
const PLAIN_MS = 10_000;

export interface TestbedReportOptions {
  readonly scenario: Scenario;
  /** Real time. */
  readonly now: () => number;
  /** A line that stays. */
  print(line: string): void;
  /** A terminal to draw the progress on, if there is one. */
  readonly display: TerminalDisplay | undefined;
}

/** Tells a person how far a testbed run is: a line for every cell, and one that moves for the cell under way. */
export function testbedReport({ display, now, print, scenario }: TestbedReportOptions): RunWatcher {
  const done: CellResult[] = [];
  let remaining: Cell[] = [];
  let count = 0;
  let startedAt = 0;
  let toldAt = 0;
  let contentBytes = 0;

  const place = () => `${count - remaining.length + 1} of ${count}`;
  const label = (cell: Cell) => cellLabel(cell, scenario.repetitions);

  function etaMs(cell: Cell, { fraction }: CellProgress): number {
    const elapsed = now() - startedAt;
    const expected = estimateMs(scenario, cell, contentBytes, done);
    // What goes on longer than expected is extrapolated.
    const own = Math.max(expected - elapsed, fraction > 0.05 ? elapsed / fraction - elapsed : 0);
    return remaining.slice(1).reduce((sum, one) => sum + estimateMs(scenario, one, contentBytes, done), own);
  }

  return {
    planned(cells, kept, bytes) {
      contentBytes = bytes;
      done.push(...kept);
      count = cells.length;
      remaining = cells.slice(kept.length);
      const again = kept.length > 0 ? `, ${kept.length} of them done before` : "";
      print(`${scenario.name}: ${cells.length} cells${again}`);
    },
    started(cell, boundMs) {
      startedAt = now();
      toldAt = startedAt;
      if (!display) print(`${place()}  ${label(cell)}: the bound is ${seconds(boundMs)}`);
    },
    progressed(cell, progress) {
      const { complete, elapsedMs, fraction, peers } = progress;
      const parts = [
        `${percent(fraction).padStart(6)}  ${complete} of ${peers} complete after ${seconds(elapsedMs)}`,
        `ETA ${duration(etaMs(cell, progress))}`,
      ].join(", ");
      if (display?.canDraw) {
        display.show([`${place()}  ${label(cell)}  ${bar(fraction, BAR_CELLS)} ${parts}`]);
      } else if (now() - toldAt >= PLAIN_MS) {
        toldAt = now();
        print(`${place()}  ${label(cell)}: ${parts}`);
      }
    },
    ended(cell, result) {
      display?.show([]);
      print(`${place()}  ${label(cell)}: ${outcome(result)}`);
      done.push(result);
      remaining = remaining.slice(1);
    },
  };
}

function outcome(result: CellResult): string {
  const {
    completed,
    cpu,
    escapes,
    eventLoopLagP99Ms,
    isMachineLimited,
    p50Ms,
    p90Ms,
    peers,
    redundancy,
    state,
    why,
  } = result;
  const parts = [
    `redundancy ${redundancy?.toFixed(3) ?? "-"}`,
    `p50 ${p50Ms === null ? "-" : seconds(p50Ms)}`,
    `p90 ${p90Ms === null ? "-" : seconds(p90Ms)}`,
    `bound ${seconds(result.lowerBoundMs)}`,
    ...(eventLoopLagP99Ms === null ? [] : [`lag p99 ${eventLoopLagP99Ms} ms`]),
    ...(cpu === null ? [] : [`cpu ${cpu}`]),
    ...(escapes.length > 0 ? [`${escapes.length} escapes`] : []),
    ...(isMachineLimited ? ["limited by this machine"] : []),
  ].join(", ");
  return state === "done" ? parts : `${state}: ${why} (${completed} of ${peers} complete, ${parts})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
