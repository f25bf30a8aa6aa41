import { access } from "node:fs/promises";
import type { Clock } from "@cachetorrent/clock";

/** Watching a folder would take no longer, but not every file system tells (those of containers and networks do not). */
const LOOK_MS = 100;

/** Resolves when a file of this name is there, whatever is in it; looks ten times a second. Never resolves once `signal` is aborted. */
export function fileAppears(path: string, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    let isLooking = false;
    const look = async () => {
      if (isLooking) return;
      isLooking = true;
      const isThere = await access(path).then(
        () => true,
        () => false, // not yet, or its folder is not: both is worth waiting for
      );
      isLooking = false;
      if (!isThere || signal.aborted) return;
      timer.cancel();
      resolve();
    };
    const timer = clock.every(LOOK_MS, () => void look());
    signal.addEventListener("abort", () => timer.cancel(), { once: true });
    void look();
  });
}
