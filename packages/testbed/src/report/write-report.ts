import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import { renderCsv } from "./csv.ts";
import { renderHtml } from "./html.ts";
import { renderJson } from "./json.ts";
import type { TestbedReport } from "./results.ts";

/**
 * Writes `report.json`, `report.csv` and `report.html` into `outDir`, which is made if need be. Each is replaced whole: a
 * reader sees the old one or the new one. Throws CT_ERR_STORAGE.
 */
export async function writeReport(report: TestbedReport, outDir: string): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    "report.json": renderJson(report),
    "report.csv": renderCsv(report),
    "report.html": await renderHtml(report),
  };
  try {
    await mkdir(outDir, { recursive: true });
  } catch (cause) {
    throw cannot("make the folder", outDir, cause);
  }
  for (const [name, content] of Object.entries(files)) await replace(join(outDir, name), content);
}

async function replace(path: string, content: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
    throw cannot("write", path, cause);
  }
}

function cannot(what: string, path: string, cause: unknown): CtError {
  return new CtError("CT_ERR_STORAGE", `cannot ${what} ${path}: ${(cause as Error).message}`, { cause });
}
