import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { makePrivateDirectory } from "../src/index.ts";

let folder: string;

beforeEach(async () => {
  const made = await mkdtemp(join(tmpdir(), "cachetorrent-files-"));
  onTestFinished(() => rm(made, { recursive: true }));
  folder = made;
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

it("makes what is missing above it, for the owner alone", async () => {
  await makePrivateDirectory(join(folder, "a", "b", "c"));
  for (const path of ["a", "a/b", "a/b/c"]) expect(await modeOf(join(folder, path))).toBe(0o700);
});

it("leaves one that is there as it is", async () => {
  await makePrivateDirectory(join(folder, "a"));
  await writeFile(join(folder, "a", "kept"), "");
  await makePrivateDirectory(join(folder, "a"));
  expect((await stat(join(folder, "a", "kept"))).isFile()).toBe(true);
});

it("rejects below a file, and where nothing can be made", async () => {
  await writeFile(join(folder, "file"), "");
  await expect(makePrivateDirectory(join(folder, "file", "a"))).rejects.toMatchObject({ code: "ENOTDIR" });
  await expect(makePrivateDirectory("/proc/not/there")).rejects.toMatchObject({ code: "ENOENT" });
});
