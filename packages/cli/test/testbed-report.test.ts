import { type Cell, cellsOf, readScenario } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { cellOf } from "../../testbed/test/support/report-cells.ts";
import { testbedReport } from "../src/report/testbed-report.ts";
import { TerminalDisplay } from "../src/terminal-display.ts";

const SCENARIO = readScenario(
  `
name: two
about: two policies, twice
ases: [{ count: 2, peers: 5, up: 100kB/s }]
seeds: { up: 100kB/s }
torrent: { pieces: 64 }
policies: [{ name: bittorrent }, { name: coordinated }]
repetitions: 2
`,
  "two.yml",
);
const CELLS = cellsOf(SCENARIO);
const [FIRST, SECOND, THIRD] = CELLS as [Cell, Cell, Cell, Cell];
const CONTENT_BYTES = 64 * 16 * 1024;
/** What a display writes right before its lines. */
const WRAP_OFF = `${String.fromCharCode(27)}[?7l`;
const AT_A_THIRD = { fraction: 1 / 3, complete: 2, peers: 10, elapsedMs: 12_000 };

/** The report of a run, what it printed, and what stands on its terminal, if it has one. Time is moved by hand. */
function reported({ atOnce = 1, isTerminal = false } = {}) {
  const printed: string[] = [];
  let drawn = "";
  const write = (text: string): boolean => {
    drawn = text.split(WRAP_OFF)[1] ?? "";
    return true;
  };
  const stream = { columns: 120, rows: 24, write } as unknown as NodeJS.WriteStream;
  const display = isTerminal ? new TerminalDisplay(stream) : undefined;
  const state = { now: 0, printed, lines: () => drawn.split("\n").slice(0, -1) };
  const report = testbedReport({
    scenario: SCENARIO,
    repetitions: 2,
    atOnce,
    now: () => state.now,
    print: (line) => void printed.push(line),
    display,
  });
  return Object.assign(state, { report });
}

/** As the cell would be told of when it was done after so long. */
function done(cell: Cell, wallMs: number) {
  return cellOf(cell.policy, { repetition: cell.repetition, wallMs });
}

describe("what a person is told of a testbed run", () => {
  it("is how many cells there are, how many were done before, and how many besides these are in the report", () => {
    const planned = (cells: readonly Cell[], kept: readonly Cell[]) => {
      const { printed, report } = reported();
      report.planned(
        cells,
        kept.map((cell) => done(cell, 1000)),
        CONTENT_BYTES,
      );
      return printed;
    };
    expect(planned(CELLS, [])).toEqual(["two: 4 cells"]);
    expect(planned(CELLS, [FIRST])).toEqual(["two: 4 cells, 1 of them done before"]);
    expect(planned([FIRST], [])).toEqual(["two: 1 cell"]);
    expect(planned([FIRST, SECOND], [SECOND, THIRD])).toEqual([
      "two: 2 cells, 1 of them done before; the report has 1 more of two that were done before",
    ]);
  });

  it("is on a terminal a line for each cell that is under way, with a bar, who is complete, and when all will be done", () => {
    const run = reported({ atOnce: 2, isTerminal: true });
    run.report.planned(CELLS, [], CONTENT_BYTES);
    run.report.started(FIRST, 9000);
    run.report.started(SECOND, 9000);
    run.now = 12_000;
    run.report.progressed(FIRST, AT_A_THIRD);
    run.report.progressed(SECOND, { ...AT_A_THIRD, fraction: 0.5, complete: 0 });
    const [first, second] = run.lines();
    expect(first).toMatch(
      /1 of 4 {2}bittorrent, 1 of 2 {2}\[#{5}-{11}\] +33\.3% {2}2 of 10 complete after 12\.0 s, ETA \d+s$/,
    );
    expect(second).toMatch(/2 of 4 {2}coordinated, 1 of 2 {2}\[#{8}-{8}\] +50\.0% {2}0 of 10 complete/);
    run.report.ended(FIRST, done(FIRST, 36_000));
    expect(run.lines()).toEqual([second]);
    expect(run.printed.at(-1)).toMatch(/^1 of 4 {2}bittorrent, 1 of 2: redundancy 2\.000, p50 1\.0 s, /);
  });

  it("is elsewhere a line every ten seconds", () => {
    const run = reported();
    run.report.planned(CELLS, [], CONTENT_BYTES);
    run.report.started(FIRST, 9000);
    for (run.now = 1000; run.now <= 25_000; run.now += 1000) run.report.progressed(FIRST, AT_A_THIRD);
    expect(run.printed.slice(1)).toEqual([
      "1 of 4  bittorrent, 1 of 2: the bound is 9.0 s",
      expect.stringMatching(/^1 of 4 {2}bittorrent, 1 of 2: +33\.3% {2}2 of 10 complete after 12\.0 s, ETA /),
      expect.stringMatching(/^1 of 4 /),
    ]);
  });

  it("reckons with how long cells of the same policy took, and with how far the ones under way are", () => {
    const run = reported();
    const eta = () => /ETA (.+)$/.exec(run.printed.at(-1) ?? "")?.[1];
    run.report.planned(CELLS, [done(FIRST, 56_000), done(SECOND, 26_000)], CONTENT_BYTES);
    run.report.started(THIRD, 9000);
    run.now = 10_000;
    // A minute for this one, of which ten seconds are over, and half of one for the last: of starting a cell there are 4 s in each.
    run.report.progressed(THIRD, { ...AT_A_THIRD, fraction: 0.01 });
    expect(eta()).toBe("1m20s");
    // It is slower than the one before it: in twenty seconds a tenth.
    run.now = 20_000;
    run.report.progressed(THIRD, { ...AT_A_THIRD, fraction: 0.1 });
    expect(eta()).toBe("3m30s");
  });
});
