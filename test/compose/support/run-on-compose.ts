import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CellResult, TestbedReport } from "@cachetorrent/testbed";
import { command, IMAGE, STOCK_IMAGE } from "./docker.ts";

/** Runs a scenario of `test/compose/scenarios` as a user would, in containers; gives the cells of its report. */
export async function runOnCompose(name: string): Promise<readonly CellResult[]> {
  const out = await mkdtemp(join(tmpdir(), "ct-on-compose-"));
  try {
    await command(
      process.execPath,
      [
        "packages/cli/src/main.ts",
        ...["testbed", "run", `test/compose/scenarios/${name}.yml`, "--on", "compose", "--out", out],
      ],
      { CACHETORRENT_IMAGE: IMAGE, CACHETORRENT_STOCK_IMAGE: STOCK_IMAGE },
    );
    const report = JSON.parse(await readFile(join(out, "report.json"), "utf8")) as TestbedReport;
    return report.cells;
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
