import { join } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import { makeDirectory } from "@cachetorrent/files";
import type { DaemonGroup } from "./daemon-group.ts";
import type { DaemonProcess } from "./daemon-process.ts";

/** What every process of a run has in common. */
export interface Launcher {
  /** Path of the `cachetorrent` program. */
  readonly program: string;
  readonly group: DaemonGroup;
  readonly clock: Clock;
  /** Each process has its log here, by its name. */
  readonly logDir: string;
  /** Where processes run: words in front of each command line, such as `ip netns exec NAME`. */
  readonly within?: readonly string[];
}

/** Starts `cachetorrent ARGS...` under a name of its own. Rejects with CT_ERR_TESTBED. */
export async function launch(
  launcher: Launcher,
  name: string,
  args: readonly string[],
): Promise<DaemonProcess> {
  await makeDirectory(launcher.logDir);
  const [command, ...rest] = [...(launcher.within ?? []), launcher.program, ...args] as [string, ...string[]];
  return launcher.group.start({
    name,
    command,
    args: rest,
    logFile: join(launcher.logDir, `${name.replaceAll(/[^\w.-]+/g, "-")}.log`),
    clock: launcher.clock,
  });
}

/** Runs a command that ends by itself. Rejects with CT_ERR_TESTBED, its last lines told, unless it exits with 0. */
export async function runCommand(
  launcher: Launcher,
  name: string,
  args: readonly string[],
): Promise<DaemonProcess> {
  const command = await launch(launcher, name, args);
  const exit = await command.exited;
  if (exit.code !== 0) throw command.failure(`cachetorrent ${args.join(" ")} failed`);
  return command;
}
