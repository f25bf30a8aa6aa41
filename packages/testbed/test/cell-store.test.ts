import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import { expect, onTestFinished, test } from "vitest";
import { failedCell } from "../src/cell-result.ts";
import { CellStore } from "../src/cell-store.ts";
import type { CellResult } from "../src/report/results.ts";
import { cellsOf } from "../src/scenario/cells.ts";
import type { Cell, Scenario } from "../src/scenario/scenario.ts";
import { scenario } from "./support/scenarios.ts";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-cells-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

function resultOf(read: Scenario, cell: Cell, state: CellResult["state"]): CellResult {
  return { ...failedCell(read, cell, { bytes: 1, pieceLength: 1 }, "made up"), state };
}

const firstCell = (read: Scenario) => cellsOf(read)[0] as Cell;

test("a cell that was done is kept when the run goes on", async () => {
  const dir = await folder();
  const read = scenario();
  const cell = firstCell(read);
  await (await CellStore.open(dir, read, false)).save(cell, resultOf(read, cell, "done"));
  const again = await CellStore.open(dir, scenario(), true);
  expect(again.kept(firstCell(scenario()))).toMatchObject({ state: "done", repetition: 1 });
});

test.each(["partial", "failed"] as const)("one that is %s is run again", async (state) => {
  const dir = await folder();
  const read = scenario();
  const cell = firstCell(read);
  await (await CellStore.open(dir, read, false)).save(cell, resultOf(read, cell, state));
  expect((await CellStore.open(dir, read, true)).kept(cell)).toBeUndefined();
});

test.each([
  ["another capacity", { ases: "[{ peers: 3, up: 101kB/s }]" }, true],
  ["another time scale", { "time-scale": "2" }, true],
  ["another setting of the variant", { neighbours: "{ numwant: 3 }" }, true],
  [
    "another setting of the policy",
    { policies: "[{ name: biased, label: bittorrent, external-percent: 20 }]" },
    true,
  ],
  ["more repetitions", { repetitions: "9" }, false],
  ["one more policy", { policies: "[{ name: bittorrent }, { name: cache }]" }, false],
  ["another word on what it is for", { about: "something else" }, false],
] as const)("%s: is it another cell?", async (_what, keys, isAnother) => {
  const dir = await folder();
  const read = scenario();
  const cell = firstCell(read);
  await (await CellStore.open(dir, read, false)).save(cell, resultOf(read, cell, "done"));
  const changed = scenario(keys);
  const kept = (await CellStore.open(dir, changed, true)).kept(firstCell(changed));
  expect(kept === undefined).toBe(isAnother);
});

test("a cell of loopback is none of compose", async () => {
  const dir = await folder();
  const read = scenario();
  const cell = firstCell(read);
  await (await CellStore.open(dir, read, false)).save(cell, resultOf(read, cell, "done"));
  expect((await CellStore.open(dir, read, true, "compose")).kept(cell)).toBeUndefined();
  expect((await CellStore.open(dir, read, true, "loopback")).kept(cell)).toBeDefined();
});

test("a cell of files that have changed since is run again, and one of random content has none that could", async () => {
  const [before, after] = ["a".repeat(40), "b".repeat(40)] as [InfoHash, InfoHash];
  const isKept = async (read: Scenario, infoHash: InfoHash) => {
    const dir = await folder();
    const cell = firstCell(read);
    const store = await CellStore.open(dir, read, false);
    store.contentIs(before);
    await store.save(cell, resultOf(read, cell, "done"));
    const again = await CellStore.open(dir, read, true);
    again.contentIs(infoHash);
    return again.kept(cell) !== undefined;
  };
  const files = scenario({ torrent: "{ path: film.mkv }" });
  expect(await isKept(files, before)).toBe(true);
  expect(await isKept(files, after)).toBe(false);
  expect(await isKept(scenario(), after)).toBe(true);
});

test("a folder that has cells is refused unless they are to be kept", async () => {
  const dir = await folder();
  const read = scenario();
  const cell = firstCell(read);
  await (await CellStore.open(dir, read, false)).save(cell, resultOf(read, cell, "done"));
  await expect(CellStore.open(dir, read, false)).rejects.toThrow(/--resume goes on with it/);
});

test("a file is no folder for results", async () => {
  const file = join(await folder(), "out");
  await writeFile(file, "");
  await expect(CellStore.open(file, scenario(), false)).rejects.toMatchObject({
    code: "CT_ERR_FILE_IN_THE_WAY",
    message: `--out ${file}: the results cannot go there: a file is where a directory must be`,
  });
});

test("labels that look alike as file names do not overwrite each other", async () => {
  const dir = await folder();
  const read = scenario({ policies: "[{ name: bittorrent, label: a/b }, { name: bittorrent, label: a b }]" });
  const store = await CellStore.open(dir, read, false);
  for (const cell of cellsOf(read)) await store.save(cell, resultOf(read, cell, "done"));
  const again = await CellStore.open(dir, read, true);
  expect(cellsOf(read).map((cell) => again.kept(cell)?.policy.label)).toEqual(["a/b", "a b"]);
});

test("what the peers warned of is kept beside the cell", async () => {
  const dir = await folder();
  const read = scenario();
  const store = await CellStore.open(dir, read, false);
  await store.saveLog(firstCell(read), []);
  await store.saveLog(firstCell(read), ["peer 3: something"]);
  await store.save(firstCell(read), resultOf(read, firstCell(read), "done"));
  expect((await CellStore.open(dir, read, true)).kept(firstCell(read))).toBeDefined();
  const log = (await readdir(join(dir, "cells"))).find((one) => one.endsWith(".log"));
  expect(await readFile(join(dir, "cells", log ?? ""), "utf8")).toBe("peer 3: something\n");
});
