import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { CellRunner } from "./cell-runner.ts";
import { outDirError } from "./out-dir.ts";
import type { CellResult } from "./report/results.ts";
import type { Cell, Scenario } from "./scenario/scenario.ts";

interface StoredCell {
  /** Of all that the cell's result depends on. */
  readonly fingerprint: string;
  readonly result: CellResult;
}

/** The cells of a run on disk, a JSON file each, so that a run that was ended can go on. */
export class CellStore {
  readonly #outDir: string;
  readonly #scenario: Scenario;
  readonly #on: CellRunner["on"];
  #infoHash: InfoHash | undefined;
  readonly #stored = new Map<string, StoredCell>();

  private constructor(outDir: string, scenario: Scenario, on: CellRunner["on"]) {
    this.#outDir = outDir;
    this.#scenario = scenario;
    this.#on = on;
  }

  /** Makes nothing yet. Throws CT_ERR_USAGE where `outDir` has cells already and they are not to be kept, and what the file system says. */
  static async open(
    outDir: string,
    scenario: Scenario,
    resume: boolean,
    on: CellRunner["on"] = "loopback",
  ): Promise<CellStore> {
    const store = new CellStore(outDir, scenario, on);
    for (const name of await namesIn(outDir)) {
      if (!name.endsWith(".json")) continue;
      if (!resume) {
        throw new CtError(
          "CT_ERR_USAGE",
          `${outDir} has cells of an earlier run: --resume goes on with it, another --out leaves it alone`,
        );
      }
      const path = join(outDir, "cells", name);
      try {
        store.#stored.set(name, JSON.parse(await readFile(path, "utf8")) as StoredCell);
      } catch (cause) {
        throw new CtError("CT_ERR_TESTBED", `cannot read the cell ${path}: ${(cause as Error).message}`, {
          cause,
        });
      }
    }
    return store;
  }

  /** To be told before cells are looked for: the files that a scenario names may be others than they were. */
  contentIs(infoHash: InfoHash): void {
    // Random content is what the scenario says. Cells that were run before this was looked at are found again.
    this.#infoHash = this.#scenario.content.kind === "path" ? infoHash : undefined;
  }

  /** The cell's result, if it was run to its end and of this same scenario. */
  kept(cell: Cell): CellResult | undefined {
    const stored = this.#stored.get(fileName(cell));
    const isSame = stored?.fingerprint === this.#fingerprint(cell);
    return isSame && stored.result.state === "done" ? stored.result : undefined;
  }

  async save(cell: Cell, result: CellResult): Promise<void> {
    const stored: StoredCell = { fingerprint: this.#fingerprint(cell), result };
    await this.#write(fileName(cell), `${JSON.stringify(stored)}\n`);
  }

  /** What the peers warned of in a run, if anything. */
  async saveLog(cell: Cell, lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await this.#write(`${fileName(cell)}.log`, `${lines.join("\n")}\n`);
  }

  /** In one step: whoever reads it meanwhile gets the old one. */
  async #write(name: string, text: string): Promise<void> {
    const path = join(this.#outDir, "cells", name);
    await makeDirectory(dirname(path));
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  }

  #fingerprint({ policy, repetition, variant }: Cell): string {
    const {
      about: _,
      name: __,
      policies: ___,
      repetitions: ____,
      variants: _____,
      ...common
    } = this.#scenario;
    // Infinity, of capacities without a limit, is null in JSON: no two of them can be mistaken for each other.
    const where = this.#on === "loopback" ? {} : { on: this.#on };
    const content = this.#infoHash === undefined ? {} : { infoHash: this.#infoHash };
    const text = JSON.stringify({ common, policy, repetition, variant, ...where, ...content });
    return createHash("sha1").update(text).digest("hex");
  }
}

/** Of the cells that are there; none where there is no such folder. */
async function namesIn(outDir: string): Promise<string[]> {
  try {
    return await readdir(join(outDir, "cells"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw outDirError(error, outDir, "the results cannot go there");
  }
}

/** Labels are free text; two that look alike as file names differ by their hash. */
function fileName({ policy, repetition, variant }: Cell): string {
  const parts = [policy.label, variant.name, `r${repetition}`];
  const readable = parts.map((part) => part.replaceAll(/[^A-Za-z0-9.]+/g, "-")).filter((part) => part !== "");
  const hash = createHash("sha1").update(JSON.stringify(parts)).digest("hex").slice(0, 6);
  return `${readable.join("_")}_${hash}.json`;
}
