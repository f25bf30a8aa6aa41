import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, storageError } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/** Which process has it. A pid alone is given to another process one day: with when it began, and since which boot, it is not. */
interface Holder {
  readonly pid: number;
  readonly text: string;
}

/**
 * Holds a state folder for this process alone, by a file in it: Node.js has no locks of the system's. What a process left that is gone
 * is taken over.
 */
export class DaemonLock {
  readonly #path: string;
  readonly #text: string;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /** Rejects with CT_ERR_STATE, naming the process, where another one that lives has the folder. */
  static async take(stateDir: string): Promise<DaemonLock> {
    const path = pathIn(stateDir);
    const { pid, text } = await thisProcess();
    const mine = `${path}.${pid}`;
    try {
      await rm(mine, { force: true });
      await writeFile(mine, text, { flag: "wx", mode: 0o600 });
      try {
        await place(mine, path, stateDir);
      } finally {
        await rm(mine, { force: true });
      }
    } catch (error) {
      throw storageError(error, path, "cannot take the state folder");
    }
    return new DaemonLock(path, text);
  }

  /** Idempotent. */
  async release(): Promise<void> {
    if ((await contentOf(this.#path)) === this.#text) await rm(this.#path, { force: true });
  }
}

/** Has a daemon that lives this state folder? */
export async function isHeld(stateDir: string): Promise<boolean> {
  const holder = await contentOf(pathIn(stateDir));
  return holder !== undefined && (await isAlive(holder));
}

function pathIn(stateDir: string): string {
  return join(stateDir, "daemon.lock");
}

/** A link is made whole or not at all, and never over another. */
async function place(mine: string, path: string, stateDir: string): Promise<void> {
  for (;;) {
    try {
      await link(mine, path);
      return;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    const found = await contentOf(path);
    if (found === undefined) continue;
    if (await isAlive(found)) throw taken(stateDir, found);
    await moveAway(path, `${mine}.stale`, found, stateDir);
  }
}

/** Two may find the same stale lock: who is second would move the first one's new lock away, and puts it back. */
async function moveAway(path: string, aside: string, stale: string, stateDir: string): Promise<void> {
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return;
    throw error;
  }
  const moved = await contentOf(aside);
  if (moved !== undefined && moved !== stale) {
    await link(aside, path);
    await rm(aside, { force: true });
    throw taken(stateDir, moved);
  }
  await rm(aside, { force: true });
}

function taken(stateDir: string, holder: string): CtError {
  return new CtError(
    "CT_ERR_STATE",
    `state: another daemon, process ${Number.parseInt(holder, 10)}, uses ${stateDir}; stop it, or name another folder`,
  );
}

/** `PID START BOOT`, START being in the kernel's ticks since the boot. */
async function thisProcess(): Promise<Holder> {
  const stat = statOf(await readFile("/proc/self/stat", "latin1"));
  return { pid: stat.pid, text: `${stat.pid} ${stat.start} ${await bootId()}\n` };
}

async function isAlive(holder: string): Promise<boolean> {
  const [pid = "", start = "", boot = ""] = holder.trim().split(" ");
  if (!/^\d+$/.test(pid) || boot !== (await bootId())) return false;
  const text = await contentOf(`/proc/${pid}/stat`);
  const stat = text === undefined ? undefined : statOf(text);
  // Z and X: it has ended, and its parent has not asked yet.
  return stat !== undefined && stat.start === start && !"ZX".includes(stat.state);
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "latin1")).trim();
}

/** Of proc_pid_stat(5). The second field, a name in parentheses, may itself have spaces and parentheses. */
function statOf(text: string): { readonly pid: number; readonly state: string; readonly start: string } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { pid: Number.parseInt(text, 10), state: fields[0] ?? "", start: fields[19] ?? "" };
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "latin1");
  } catch (error) {
    // A process that ends while it is read says ESRCH.
    if (["ENOENT", "ESRCH"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  }
}
