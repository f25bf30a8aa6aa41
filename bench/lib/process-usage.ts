import { readFile } from "node:fs/promises";

/** What a process has taken of the machine. */
export interface ProcessUsage {
  /** Seconds of processor time since its start, in all its threads, of itself and the kernel for it. */
  readonly cpuSeconds: number;
  /** Bytes of memory it has now, and had at most (resident, as the kernel counts it). */
  readonly residentBytes: number;
  readonly peakBytes: number;
}

/** The kernel tells times to processes in these, whatever its own are (`USER_HZ`). */
const TICKS_PER_SECOND = 100;

/** Of a process that runs. Rejects when it has ended. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, "utf8"),
    readFile(`/proc/${pid}/status`, "utf8"),
  ]);
  return { cpuSeconds: cpuSecondsIn(stat), ...memoryIn(status) };
}

/** From the text of `/proc/PID/stat`. */
export function cpuSecondsIn(stat: string): number {
  // The second field is the command's name in brackets, in which there may be blanks and brackets, too.
  const fields = stat
    .slice(stat.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  // The first of these is the third of proc(5); 14 and 15 are utime and stime.
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  if (!Number.isInteger(user) || !Number.isInteger(system))
    throw new RangeError(`no /proc/PID/stat: ${stat}`);
  return (user + system) / TICKS_PER_SECOND;
}

/** From the text of `/proc/PID/status`. */
export function memoryIn(status: string): Pick<ProcessUsage, "residentBytes" | "peakBytes"> {
  return { residentBytes: bytesOf("VmRSS", status), peakBytes: bytesOf("VmHWM", status) };
}

function bytesOf(field: string, status: string): number {
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  // A process that has ended and was not waited for yet has none.
  if (kilobytes === undefined) throw new RangeError(`/proc/PID/status tells no ${field}`);
  return Number(kilobytes) * 1024;
}
