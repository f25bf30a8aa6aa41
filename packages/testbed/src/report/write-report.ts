import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { outDirError } from "../out-dir.ts";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html.ts";
import { renderJson } from "./json.ts";
import type { TestbedReport } from "./results.ts";

/**
 * Writes `report.json`, `report.csv` and `report.html` into `outDir`, which is made if need be. Each is replaced whole: a
 * reader sees the old one or the new one. Throws what the file system says of `outDir`, as an error that names it.
 */
export async function writeReport(report: TestbedReport, outDir: string): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    "report.json": renderJson(report),
    "report.csv": renderCsv(report),
    "report.html": await renderHtml(report),
  };
  try {
    await makeDirectory(outDir);
  } catch (cause) {
    throw outDirError(cause, outDir, "cannot make the folder");
  }
  for (const [name, content] of Object.entries(files)) await replace(outDir, name, content);
}

async function replace(outDir: string, name: string, content: string): Promise<void> {
  const path = join(outDir, name);
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw outDirError(cause, outDir, `cannot write ${name}`);
  }
}
