import type { ManualClock } from "@cachetorrent/clock";

/** No test decides by time: this only ends one that would wait for ever. */
const CEILING_MS = 15_000;

/** Waits for a condition that sockets and disks bring about in their own time. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const started = performance.now();
  while (!isSo()) {
    if (performance.now() - started > CEILING_MS) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** As `until`, while the clock that stands still otherwise is moved on. */
export async function advanceUntil(
  clock: ManualClock,
  what: string,
  isSo: () => boolean,
  stepMs = 50,
): Promise<void> {
  await until(what, () => {
    if (isSo()) return true;
    clock.advance(stepMs);
    return isSo();
  });
}
