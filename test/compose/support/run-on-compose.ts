import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CellResult, TestbedReport } from "@cachetorrent/testbed";
import { command, IMAGE, STOCK_IMAGE } from "./docker.ts";

const SCENARIOS = "test/compose/scenarios";

export interface ComposeRun {
  readonly cells: readonly CellResult[];
  /** What the command printed, and the report to look at. */
  readonly printed: string;
  readonly html: string;
}

/** Runs a scenario of `test/compose/scenarios` as a user would, in containers. */
export function runOnCompose(name: string): Promise<ComposeRun> {
  return run(join(SCENARIOS, `${name}.yml`));
}

/** The same scenario with nothing done to it, so many times; gives its cells. */
export async function runInPeace(name: string, repetitions: number): Promise<readonly CellResult[]> {
  const scenario = await readFile(join(SCENARIOS, `${name}.yml`), "utf8");
  const inPeace = scenario.replace(/^faults:\n(?: .*\n)+/m, "");
  const dir = await mkdtemp(join(tmpdir(), "ct-in-peace-"));
  try {
    const file = join(dir, `${name}.yml`);
    await writeFile(file, `${inPeace}repetitions: ${repetitions}\n`);
    return (await run(file)).cells;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function run(file: string): Promise<ComposeRun> {
  const out = await mkdtemp(join(tmpdir(), "ct-on-compose-"));
  try {
    const printed = await command(
      process.execPath,
      ["packages/cli/src/main.ts", "testbed", "run", file, "--on", "compose", "--out", out],
      { CACHETORRENT_IMAGE: IMAGE, CACHETORRENT_STOCK_IMAGE: STOCK_IMAGE },
    );
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as TestbedReport;
    return { cells: report.cells, printed, html: await readFile(join(out, "report.html"), "utf8") };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
