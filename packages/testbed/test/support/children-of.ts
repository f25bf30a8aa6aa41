import { readdir, readFile } from "node:fs/promises";

/** Of the processes of this machine those that this one has started. */
export async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return stats.flatMap((stat) => {
    const [, pid, , ppid] = /^(\d+) \(.*\) (\S) (\d+)/s.exec(stat) ?? [];
    return Number(ppid) === parent ? [Number(pid)] : [];
  });
}
