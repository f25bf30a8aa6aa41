import path from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@cachetorrent/clock";
import { type DaemonGroup, type DaemonProcess, type Launcher, launch } from "@cachetorrent/testbed";

const CACHETORRENT = fileURLToPath(new URL("../../../packages/cli/bin/cachetorrent", import.meta.url));

interface PlaceParts {
  readonly name: string;
  readonly dir: string;
  readonly group: DaemonGroup;
  /** Words in front of each command line. */
  readonly within?: readonly string[];
}

/** Where processes run: a host of the lab, or this machine itself. */
export class Place {
  readonly name: string;
  /** A directory of its own. */
  readonly dir: string;
  /** Starts `cachetorrent` there. */
  readonly launcher: Launcher;

  readonly #parts: PlaceParts;

  constructor(of: PlaceParts) {
    this.#parts = of;
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

  /** The same, for a further peer of ours: with a directory of its own. */
  another(name: string): Place {
    return new Place({ ...this.#parts, name: `${this.name}-${name}`, dir: path.join(this.dir, name) });
  }

  /** Starts any other program there. */
  run(program: string, args: readonly string[]): Promise<DaemonProcess> {
    return launch({ ...this.launcher, program }, `${path.basename(program)} on ${this.name}`, args);
  }
}
