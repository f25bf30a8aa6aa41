import type { Launcher } from "@cachetorrent/testbed";

/** Of writing a file whole: made, written to, on the disk, and under its own name. */
export const MOMENTS = ["opened", "half written", "written", "synced", "renamed"] as const;

export type Moment = (typeof MOMENTS)[number];

/** What is started by it is killed (SIGKILL) right after this moment of the first file whose path has that end. */
export function dyingAt(launcher: Launcher, moment: Moment, end: string): Launcher {
  const hook = new URL("die-at.ts", import.meta.url);
  const environment = [`NODE_OPTIONS=--import ${hook}`, `DIE_AT=${JSON.stringify({ moment, end })}`];
  return { ...launcher, within: [...(launcher.within ?? []), "env", ...environment] };
}
