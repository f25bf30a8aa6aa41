import { execFileSync } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { KIB, noise, temporaryDirectory } from "./torrents.ts";

/** A file system of its own of 256 KiB; undefined where this user may not mount one. */
export async function tinyFileSystem(): Promise<string | undefined> {
  const directory = await temporaryDirectory();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", directory], { stdio: "ignore" });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync("umount", ["-l", directory]));
  return directory;
}

/** Leaves no room there until what it resolves with is called. */
export async function fillUp(directory: string): Promise<() => Promise<void>> {
  const ballast = join(directory, "ballast");
  const full = await writeFile(ballast, noise(300 * KIB)).catch((error: NodeJS.ErrnoException) => error.code);
  if (full !== "ENOSPC") throw new Error(`the file system is not full: ${full}`);
  return () => rm(ballast);
}
