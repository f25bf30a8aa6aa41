import type { Clock } from "@cachetorrent/clock";

/** Resolves after `delayMs`, or as soon as `signal` aborts: callers look at the signal to tell which. */
export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = clock.after(delayMs, () => {
      signal.removeEventListener("abort", aborted);
      resolve();
    });
    function aborted(): void {
      timer.cancel();
      resolve();
    }
    signal.addEventListener("abort", aborted, { once: true });
  });
}
