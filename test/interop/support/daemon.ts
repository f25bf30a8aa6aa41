import path from "node:path";
import { type DaemonProcess, launch, runCommand } from "@cachetorrent/testbed";
import type { Place } from "./place.ts";

/** A daemon of ours, which takes orders by commands as a user gives them. */
export interface OrderedDaemon {
  readonly daemon: DaemonProcess;
  /** Runs `cachetorrent ARGS` for it; what that prints. Rejects where it fails. */
  order(...args: readonly string[]): Promise<string>;
}

/** Starts one, with its state in the directory of the place; resolves when it listens. */
export async function startDaemon(
  place: Place,
  listen: string,
  dir: string,
  args: readonly string[] = [],
): Promise<OrderedDaemon> {
  const { launcher, name } = place;
  const state = ["--state", path.join(place.dir, "state")];
  const where = ["--dir", dir, "--listen", listen, "--control", "127.0.0.1:0"];
  const given = ["peer", "--daemon", ...where, ...state, "--json", ...args];
  const daemon = await launch(launcher, `daemon on ${name}`, given);
  await daemon.waitFor("listening");
  let orders = 0;
  return {
    daemon,
    async order(...words) {
      const command = await runCommand(launcher, `order ${++orders} on ${name}`, [...words, ...state]);
      return command.lines.map(({ text }) => text).join("\n");
    },
  };
}
