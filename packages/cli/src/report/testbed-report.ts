import {
  type Cell,
  type CellResult,
  cellLabel,
  estimateMs,
  type RunWatcher,
  type Scenario,
} from "@cachetorrent/testbed";
import { counted } from "../counted.ts";
import type { TerminalDisplay } from "../terminal-display.ts";
import { bar, duration, percent } from "./progress-line.ts";

const BAR_CELLS = 16;
/** Where nobody watches, a line this often is enough. */
const PLAIN_MS = 10_000;

export interface TestbedReportOptions {
  readonly scenario: Scenario;
  /** How many are run. */
  readonly repetitions: number;
  /** How many cells run side by side. */
  readonly atOnce: number;
  /** Real time. */
  readonly now: () => number;
  /** A line that stays. */
  print(line: string): void;
  /** A terminal to draw the progress on, if there is one. */
  readonly display: TerminalDisplay | undefined;
}

interface UnderWay {
  readonly startedAt: number;
  toldAt: number;
  /** The share of it that is done, and what is drawn of it. */
  fraction: number;
  line: string;
}

/** Tells a person how far a testbed run is: a line for every cell, and one that moves for each that is under way. */
export function testbedReport(options: TestbedReportOptions): RunWatcher {
  const { atOnce, display, now, print, repetitions, scenario } = options;
  const done: CellResult[] = [];
  let cells: readonly Cell[] = [];
  const waiting = new Set<Cell>();
  const underWay = new Map<Cell, UnderWay>();
  let contentBytes = 0;

  const title = (cell: Cell) =>
    `${cells.indexOf(cell) + 1} of ${cells.length}  ${cellLabel(cell, repetitions)}`;
  const expectedMs = (cell: Cell) => estimateMs(scenario, cell, contentBytes, done);

  /** Of all that is to be run yet. */
  function etaMs(): number {
    const current = [...underWay].map(([cell, { fraction, startedAt }]) => {
      const elapsed = now() - startedAt;
      // What goes on longer than expected is extrapolated.
      return Math.max(expectedMs(cell) - elapsed, fraction > 0.05 ? elapsed / fraction - elapsed : 0);
    });
    const later = [...waiting].map(expectedMs);
    const inAll = [...current, ...later].reduce((sum, ms) => sum + ms, 0);
    return Math.max(inAll / atOnce, ...current);
  }

  const draw = () => display?.show([...underWay.values()].map(({ line }) => line));

  return {
    planned(all, kept, bytes) {
      contentBytes = bytes;
      done.push(...kept);
      cells = all;
      const isKept = (cell: Cell) =>
        kept.some(
          ({ policy, repetition, variant }) =>
            policy.label === cell.policy.label &&
            repetition === cell.repetition &&
            variant === cell.variant.name,
        );
      for (const cell of all) if (!isKept(cell)) waiting.add(cell);
      const before = all.length - waiting.size;
      const others = kept.length - before;
      const again = before > 0 ? `, ${before} of them done before` : "";
      const besides =
        others > 0 ? `; the report has ${others} more of ${scenario.name} that were done before` : "";
      print(`${scenario.name}: ${counted(all.length, "cell")}${again}${besides}`);
    },
    started(cell, boundMs) {
      waiting.delete(cell);
      underWay.set(cell, { startedAt: now(), toldAt: now(), fraction: 0, line: title(cell) });
      if (!display) print(`${title(cell)}: the bound is ${seconds(boundMs)}`);
    },
    progressed(cell, { complete, elapsedMs, fraction, peers }) {
      const current = underWay.get(cell);
      if (!current) return;
      current.fraction = fraction;
      const parts = [
        `${percent(fraction).padStart(6)}  ${complete} of ${peers} complete after ${seconds(elapsedMs)}`,
        `ETA ${duration(etaMs())}`,
      ].join(", ");
      if (display?.canDraw) {
        current.line = `${title(cell)}  ${bar(fraction, BAR_CELLS)} ${parts}`;
        draw();
      } else if (now() - current.toldAt >= PLAIN_MS) {
        current.toldAt = now();
        print(`${title(cell)}: ${parts}`);
      }
    },
    ended(cell, result) {
      underWay.delete(cell);
      draw();
      print(`${title(cell)}: ${outcome(result)}`);
      done.push(result);
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
    ...(escapes.length > 0 ? [counted(escapes.length, "escape")] : []),
    ...(isMachineLimited ? ["limited by this machine"] : []),
  ].join(", ");
  return state === "done" ? parts : `${state}: ${why} (${completed} of ${peers} complete, ${parts})`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
