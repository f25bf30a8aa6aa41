import { type Clock, systemClock, type Timer } from "@cachetorrent/clock";
import { formatSize, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";

export interface RestMemoryParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Processor time of the process since its start, and its memory now (resident, as the kernel counts it). */
  taken(): { readonly cpuMs: number; readonly residentBytes: number };
  /** Gives back to the system what nothing needs any more. Nothing else runs meanwhile. */
  collect(): void;
}

/**
 * A peer that has come to rest gives back memory that it needed while it was busy: once it does next to nothing, and has grown since
 * the last time. V8 by itself does so only soon after it has collected the whole heap, which a process that does nothing does not do.
 * What it costs is bounded: the longer it takes, the later it may be done again.
 */
export function returnMemoryAtRest({ clock, collect, log, taken }: RestMemoryParts): Timer {
  const { cpuAtRest, growth, lookMs, share } = LIMITS.restMemory;
  let before = taken().cpuMs;
  let left = 0;
  let notBefore = 0;
  return clock.every(lookMs, () => {
    const { cpuMs, residentBytes } = taken();
    const isBusy = cpuMs - before > lookMs * cpuAtRest;
    before = cpuMs;
    left = Math.min(left, residentBytes);
    if (isBusy) return;
    const from = clock.now();
    if (from < notBefore || residentBytes <= left * (1 + growth)) return;
    collect();
    const tookMs = Math.round(clock.now() - from);
    notBefore = clock.now() + tookMs / share;
    left = taken().residentBytes;
    const returned = Math.max(0, residentBytes - left);
    log.debug(
      { event: "memory", returned, left, tookMs },
      `at rest: ${formatSize(returned)} of memory given back`,
    );
  });
}

/** Of this process, if it was started in a way that lets it (`--expose-gc`, as bin/cachetorrent does). */
export function returnOwnMemoryAtRest(log: Logger): Timer | undefined {
  const { gc } = globalThis;
  if (!gc) return undefined;
  return returnMemoryAtRest({
    clock: systemClock,
    log,
    taken: () => {
      const { system, user } = process.cpuUsage();
      return { cpuMs: (system + user) / 1000, residentBytes: process.memoryUsage.rss() };
    },
    // The other flavour keeps the pages it has emptied.
    collect: () => gc({ type: "major", flavor: "last-resort" }),
  });
}
