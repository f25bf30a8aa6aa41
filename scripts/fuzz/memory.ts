import { readFile } from "node:fs/promises";

const MIB = 1024 * 1024;
/** The first part of a run in which a process may grow, and the last one in which it must have stopped. */
const WARM_UP = 0.2;
const END = 0.8;
const GROWTH_MOST = 40 * MIB;

/** The resident memory of one process over a run. */
export class MemoryCurve {
  readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];

  add(atMs: number, bytes: number): void {
    this.#samples.push({ atMs, bytes });
  }

  get first(): number {
    return this.#samples[0]?.bytes ?? 0;
  }

  get now(): number {
    return this.#samples.at(-1)?.bytes ?? 0;
  }

  get peak(): number {
    return Math.max(0, ...this.#samples.map(({ bytes }) => bytes));
  }

  /**
   * What is wrong with it, or undefined: the least of the last fifth may be 40 MB above the most of the first fifth. A leak
   * shows in the least, a busy moment does not.
   */
  growth(runMs: number): string | undefined {
    const within = (from: number, to: number) =>
      this.#samples
        .filter(({ atMs }) => atMs >= from * runMs && atMs <= to * runMs)
        .map(({ bytes }) => bytes);
    const [early, late] = [within(0, WARM_UP), within(END, 1)];
    if (early.length === 0 || late.length === 0) return undefined;
    const [before, after] = [Math.max(...early), Math.min(...late)];
    if (after - before <= GROWTH_MOST) return undefined;
    return `its memory grew from ${mib(before)} (most of the first fifth) to ${mib(after)} (least of the last)`;
  }
}

/** Bytes of memory that the process has in use (Linux). */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}
