import type { Clock } from "@cachetorrent/clock";
import type { DaemonProcess } from "@cachetorrent/testbed";
import { type ProcessUsage, usageOf } from "./process-usage.ts";

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve, { keepAlive: true });
  });
}

export function usageNow(daemon: DaemonProcess): Promise<ProcessUsage> {
  if (daemon.pid === undefined) throw new Error(`${daemon.name} does not run`);
  return usageOf(daemon.pid);
}

export interface Rest {
  /** Of one core. */
  readonly cpuPercent: number;
  readonly residentBytes: number;
}

/** What a process takes while nothing happens, after it has settled. */
export async function measureRest(
  clock: Clock,
  daemon: DaemonProcess,
  { settleSeconds, seconds }: { readonly settleSeconds: number; readonly seconds: number },
): Promise<Rest> {
  await pause(clock, settleSeconds * 1000);
  const [before, from] = [await usageNow(daemon), clock.now()];
  await pause(clock, seconds * 1000);
  const [after, to] = [await usageNow(daemon), clock.now()];
  return {
    cpuPercent: ((after.cpuSeconds - before.cpuSeconds) / ((to - from) / 1000)) * 100,
    residentBytes: after.residentBytes,
  };
}
