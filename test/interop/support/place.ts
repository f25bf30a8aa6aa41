import path from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@cachetorrent/clock";
import { type DaemonGroup, type DaemonProcess, type Launcher, launch } from "@cachetorrent/testbed";

const CACHETORRENT = fileURLToPath(new URL("../../../packages/cli/bin/cachetorrent", import.meta.url));

/** Where processes run: a host of the lab, or this machine itself. */
export class Place {
  readonly name: string;
  /** A directory of its own. */
  readonly dir: string;
  /** Starts `cachetorrent` there. */
  readonly launcher: Launcher;

  constructor(of: {
    readonly name: string;
    readonly dir: string;
    readonly group: DaemonGroup;
    /** Words in front of each command line. */
    readonly within?: readonly string[];
  }) {
    this.name = of.name;
    this.dir = of.dir;
    this.launcher = {
      program: CACHETORRENT,
      group: of.group,
      clock: systemClock,
      logDir: of.dir,
      // The kernel ends the child when this process dies, in whatever way: no failure leaves a daemon running.
      within: ["setpriv", "--pdeathsig", "KILL", ...(of.within ?? [])],
    };
  }

  /** Starts any other program there. */
  run(program: string, args: readonly string[]): Promise<DaemonProcess> {
    return launch({ ...this.launcher, program }, `${path.basename(program)} on ${this.name}`, args);
  }
}
