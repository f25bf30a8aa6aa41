import { execFile, execFileSync } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** So begins the name of all that a lab makes: a later run knows the leftovers of a dead one by it. */
const LAB_NAME = /^ctlab(\d+)-/;
const WHERE_IP_KEEPS_THEM = "/run/netns";

export function labName(): string {
  return `ctlab${process.pid}`;
}

export function namespaceName(lab: number, host: string): string {
  return `${labName()}-${lab}-${host}`;
}

/** Runs lines of `ip` commands, inside `namespace` where one is given; fails with the line that was refused. */
export async function ip(lines: readonly string[], namespace?: string): Promise<void> {
  const within = namespace === undefined ? [] : ["-netns", namespace];
  const ran = run("ip", [...within, "-batch", "-"]);
  ran.child.stdin?.end(`${lines.join("\n")}\n`);
  await ran;
}

/** Writes kernel switches (paths under /proc/sys) of a namespace, without asking for the `sysctl` package. */
export async function setSwitches(
  namespace: string,
  switches: Readonly<Record<string, string>>,
): Promise<void> {
  const script = Object.entries(switches).map(([name, value]) => `echo ${value} > /proc/sys/${name}`);
  await run("ip", ["netns", "exec", namespace, "sh", "-ec", script.join("\n")]);
}

export async function runIn(namespace: string, command: string, args: readonly string[]): Promise<string> {
  return (await run("ip", ["netns", "exec", namespace, command, ...args])).stdout;
}

/** What its interface has received and sent since it is there, in bytes with all headers but the preamble. */
export async function linkCounters(namespace: string, link = "eth0"): Promise<{ rx: number; tx: number }> {
  const json = await runIn(namespace, "ip", ["-s", "-j", "link", "show", link]);
  const [{ stats64 }] = JSON.parse(json) as [{ stats64: Record<"rx" | "tx", { bytes: number }> }];
  return { rx: stats64.rx.bytes, tx: stats64.tx.bytes };
}

/** Synchronous, for it also runs when the process exits. What is already gone is not missed. */
export function removeNamespaces(names: readonly string[]): void {
  const isThere = (name: string) => existsSync(path.join(WHERE_IP_KEEPS_THEM, name));
  for (const name of names.filter(isThere)) {
    try {
      for (const pid of pidsIn(name)) kill(pid);
      execFileSync("ip", ["netns", "delete", name], { stdio: "pipe" });
    } catch (error) {
      // Labs that open at the same moment find the same leftovers.
      if (isThere(name)) throw error;
    }
  }
}

/** Removes what labs of processes that no longer live have left behind, and ends what still runs in there. */
export function removeLeftovers(): void {
  removeNamespaces(leftoversIn(WHERE_IP_KEEPS_THEM));
  for (const name of leftoversIn(tmpdir()))
    rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
}

function leftoversIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => {
    const pid = LAB_NAME.exec(name)?.[1];
    return pid !== undefined && !existsSync(`/proc/${pid}`);
  });
}

function pidsIn(namespace: string): number[] {
  const pids = execFileSync("ip", ["netns", "pids", namespace], { encoding: "utf8" });
  return pids.split("\n").filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    // It ended between the listing and the signal.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
