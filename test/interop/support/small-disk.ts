import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { describe } from "vitest";

/** Tests that mount file systems: left out, by name and with the reason, where that may not be done. */
export function describeWithMounts(name: string, tests: () => void): void {
  if (process.getuid?.() === 0) {
    describe(name, tests);
    return;
  }
  console.warn(`left out: ${name}: mounting needs root`);
  describe.skip(`${name} (left out: mounting needs root)`, tests);
}

/** A file system of its own in memory. Whoever mounts it unmounts it. */
export async function mountSmallDisk(dir: string, size: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", dir], { stdio: "pipe" });
}

export function unmount(dir: string): void {
  execFileSync("umount", ["-l", dir], { stdio: "pipe" });
}
