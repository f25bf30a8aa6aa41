import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { call, temporaryFolder } from "./run.ts";

export const TRACKER = "http://127.0.0.1:6969/announce";

/** A folder with the folder `release` of two files, 8 pieces in all, and the torrent that `create` makes of it. */
export async function content(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, "release"));
  await writeFile(join(folder, "release", "a.bin"), Buffer.alloc(50_000, 1));
  await writeFile(join(folder, "release", "b.bin"), Buffer.alloc(70_000, 2));
  const created = await call(["create", "release", "--tracker", TRACKER, "--piece-length", "16KiB"], {
    cwd: folder,
  });
  expect(created.stderr).toBe("");
  expect(created.exitCode).toBe(0);
  expect(created.stdout).toMatch(/^release\.torrent\n/);
  expect(created.stdout).toMatch(/info-hash +[0-9a-f]{40}\n/);
  expect(created.stdout).toMatch(/pieces +8 of 16\.0 KiB\n/);
  return folder;
}
