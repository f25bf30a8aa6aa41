import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { expect, onTestFinished, test } from "vitest";
import { LoopbackRunner } from "../src/loopback/loopback-runner.ts";
import type { CellResult, TestbedReport } from "../src/report/index.ts";
import { type RunScenarioOptions, type RunWatcher, runScenario } from "../src/run-scenario.ts";
import { type Choice, cellLabel } from "../src/scenario/cells.ts";
import type { Cell } from "../src/scenario/scenario.ts";
import { childrenOf } from "./support/children-of.ts";
import { scenario } from "./support/scenarios.ts";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-run-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const labels = (cells: readonly (Cell | CellResult)[]) => cells.map((cell) => cellLabel(cell, 2));

/** Runs it on loopback; `run` has the labels of the cells that were. */
async function run(
  options: Partial<RunScenarioOptions> & { readonly outDir: string },
  more?: Partial<RunWatcher>,
) {
  const run: Cell[] = [];
  const ended = await runScenario({
    scenario: scenario(QUICK),
    resume: false,
    runner: new LoopbackRunner({ atOnce: 1, workers: 1, clock: systemClock, cpuMicros: () => 0 }),
    madeAt: () => new Date(0),
    command: (choice) => JSON.stringify(choice),
    machine: "any",
    signal: new AbortController().signal,
    watcher: {
      planned: () => undefined,
      started: (cell) => void run.push(cell),
      progressed: () => undefined,
      ended: () => undefined,
      ...more,
    },
    ...options,
  });
  return { ...ended, run: labels(run) };
}

const QUICK = {
  ases: "[{ peers: 1, up: 1MB/s }]",
  seeds: "{ up: 2MB/s }",
  torrent: "{ pieces: 4 }",
  arrivals: "{ spread: 0s }",
  policies: "[{ name: bittorrent }, { name: cache }]",
};

test("a cell whose worker dies is partial with its cause, ends the run, and is run again", async () => {
  const outDir = await folder();
  const slow = scenario({ ...QUICK, seeds: "{ up: 100B/s }" });
  const before = await childrenOf(process.pid);
  let isKilled = false;
  const killed = await run(
    { outDir, scenario: slow },
    {
      progressed: () => {
        if (isKilled) return;
        isKilled = true;
        void childrenOf(process.pid).then((pids) => {
          for (const pid of pids) if (!before.includes(pid)) process.kill(pid, "SIGKILL");
        });
      },
    },
  );
  const why = /^worker 1 was ended by SIGKILL; 2 of 2 peers are counted as they were after \d+\.\d s$/;
  const partial = { state: "partial", why: expect.stringMatching(why), peers: 2, completed: 1 };
  expect(killed.run).toEqual(["bittorrent, 1 of 2"]);
  expect(killed.broken).toMatchObject(partial);
  expect(killed.report).toMatchObject({ isPartial: true, cells: [partial] });
  const written = JSON.parse(await readFile(join(outDir, "report.json"), "utf8")) as TestbedReport;
  expect(written.cells).toEqual(killed.report.cells);

  const ending = new AbortController();
  const again = await run(
    { outDir, scenario: slow, resume: true, signal: ending.signal },
    { progressed: () => ending.abort() },
  );
  expect(again.run).toEqual(["bittorrent, 1 of 2"]);
  expect(again.broken).toBeUndefined();
  expect(again.report.cells).toMatchObject([{ state: "partial", why: "interrupted" }]);
});

test("the report has what is done of the scenario, and not only what is chosen; the command makes all of it again", async () => {
  const outDir = await folder();
  const twice = scenario({ ...QUICK, repetitions: "2" });
  const go = (choice: Choice) => run({ outDir, scenario: twice, choice, resume: true });

  const first = await go({ only: ["bittorrent"] });
  expect(first.run).toEqual(["bittorrent, 1 of 2", "bittorrent, 2 of 2"]);
  expect(first.report).toMatchObject({ command: '{"only":["bittorrent"]}', isPartial: false });

  expect(first.report.cells[0]).toMatchObject({ madeAt: "1970-01-01T00:00:00.000Z", machine: "any" });

  const second = await go({ only: ["cache"], repetitions: 1 });
  expect(second.run).toEqual(["cache, 1 of 2"]);
  expect(labels(second.report.cells)).toEqual(["bittorrent, 1 of 2", "cache, 1 of 2", "bittorrent, 2 of 2"]);
  expect(second.report).toMatchObject({ command: "{}", isPartial: false });

  const third = await go({ repetitions: 1 });
  expect(third.run).toEqual([]);
  expect(third.report.cells).toEqual(second.report.cells);
});

test("what is in the folder and not of the scenario any more is not in the report", async () => {
  const outDir = await folder();
  await run({ outDir, choice: { repetitions: 2 } });
  const other = scenario({
    ...QUICK,
    policies: "[{ name: bittorrent }, { name: cache, leader-percent: 50 }]",
  });
  const again = await run({ outDir, scenario: other, choice: { only: ["bittorrent"] }, resume: true });
  expect(again.run).toEqual([]);
  expect(labels(again.report.cells)).toEqual(["bittorrent, 1 of 2"]);
});

test("nothing is made before all is checked, the path of the content too", async () => {
  const dir = await folder();
  const outDir = join(dir, "out");
  const lacking = scenario({ ...QUICK, torrent: `{ path: ${join(dir, "absent.iso")} }` });
  await expect(run({ outDir, scenario: lacking })).rejects.toThrow(/absent\.iso: there is no such file/);
  expect(await readdir(dir)).toEqual([]);
});
