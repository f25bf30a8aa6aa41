import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CellResult, TestbedReport } from "@cachetorrent/testbed";
import { command, IMAGE, STOCK_IMAGE } from "./docker.ts";
import { scenarioName } from "./leftovers.ts";

const SCENARIOS = "test/compose/scenarios";

export interface ComposeRun {
  readonly cells: readonly CellResult[];
  /** What the command printed, and the report to look at. */
  readonly printed: string;
  readonly html: string;
}

/** Runs a scenario of `test/compose/scenarios` as a user would, in containers. */
export async function runOnCompose(name: string): Promise<ComposeRun> {
  return run(await scenarioOf(name));
}

/** The same scenario with nothing done to it, so many times; gives its cells. */
export async function runInPeace(name: string, repetitions: number): Promise<readonly CellResult[]> {
  const inPeace = (await scenarioOf(name)).replace(/^faults:\n(?: .*\n)+/m, "");
  return (await run(`${inPeace}repetitions: ${repetitions}\n`)).cells;
}

/** Its text, with a name by which what it leaves behind is known. */
async function scenarioOf(name: string): Promise<string> {
  const text = await readFile(join(SCENARIOS, `${name}.yml`), "utf8");
  return text.replace(`name: ${name}\n`, `name: ${scenarioName(name)}\n`);
}

async function run(scenario: string): Promise<ComposeRun> {
  const dir = await mkdtemp(join(tmpdir(), "ct-on-compose-"));
  const [file, out] = [join(dir, "scenario.yml"), join(dir, "out")];
  try {
    await writeFile(file, scenario);
    const printed = await command(
      process.execPath,
      ["packages/cli/src/main.ts", "testbed", "run", file, "--on", "compose", "--out", out],
      { CACHETORRENT_IMAGE: IMAGE, CACHETORRENT_STOCK_IMAGE: STOCK_IMAGE },
    );
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as TestbedReport;
    return { cells: report.cells, printed, html: await readFile(join(out, "report.html"), "utf8") };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
