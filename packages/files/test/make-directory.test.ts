import { mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { makeDirectory, makePrivateDirectory } from "../src/index.ts";

let folder: string;

beforeEach(async () => {
  const made = await mkdtemp(join(tmpdir(), "cachetorrent-files-"));
  onTestFinished(() => rm(made, { recursive: true }));
  folder = made;
});

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

it("makes what is missing above it, for whomever the process lets in", async () => {
  const mode = 0o777 & ~process.umask();
  await makeDirectory(join(folder, "a", "b"));
  for (const path of ["a", "a/b"]) expect(await modeOf(join(folder, path))).toBe(mode);
});

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

it("rejects below a file, below a link to nothing, and where nothing can be made", async () => {
  await writeFile(join(folder, "file"), "");
  await symlink("nothing", join(folder, "link"));
  for (const make of [makeDirectory, makePrivateDirectory]) {
    await expect(make(join(folder, "file", "a"))).rejects.toMatchObject({ code: "ENOTDIR" });
    await expect(make(join(folder, "link", "a"))).rejects.toMatchObject({ code: "ENOENT" });
    await expect(make("/proc/not/there")).rejects.toMatchObject({ code: "ENOENT" });
  }
});
