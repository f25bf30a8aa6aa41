import { readdir } from "node:fs/promises";
import { makeDirectory } from "@cachetorrent/files";
import { CtError } from "@cachetorrent/protocol";
import { inOutDir } from "../out-dir.ts";
import { prepareContent } from "../prepare-content.ts";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { ANNOUNCE_URL } from "./addresses.ts";
import { checkForCompose } from "./compose-plan.ts";
import { type Project, writeProject } from "./write-project.ts";

export interface ComposeTestbedOptions {
  readonly scenario: Scenario;
  /** Whose policy and variant it is to be of. */
  readonly cell: Cell;
  /** New, or empty. */
  readonly dir: string;
  /** `UID:GID` of this process. */
  readonly user: string;
  readonly command: string;
}

/**
 * Writes a testbed to be brought up by hand: compose file, content, torrent, AS table. Throws CT_ERR_USAGE,
 * CT_ERR_FILE_IN_THE_WAY, and what the file system says of `dir`, which is named.
 */
export function writeComposeTestbed(options: ComposeTestbedOptions): Promise<Project> {
  return inOutDir(options.dir, () => writeTestbed(options));
}

async function writeTestbed(options: ComposeTestbedOptions): Promise<Project> {
  const { dir } = options;
  const scenario = inRealTime(options.scenario);
  checkForCompose(scenario);
  await makeDirectory(dir);
  if ((await readdir(dir)).length > 0) {
    throw new CtError(
      "CT_ERR_FILE_IN_THE_WAY",
      `${dir} has something in it already: choose another --out, or take down what is there and remove it`,
    );
  }
  const content = await prepareContent(scenario, dir, ANNOUNCE_URL);
  return writeProject(dir, { ...options, scenario, content, isForRun: false });
}

/** What does not hold of the scenario in containers, in words; undefined where all does. */
export function timeScaleNote({ timeScale }: Scenario): string | undefined {
  if (timeScale === 1) return undefined;
  return `time-scale ${timeScale} of the scenario has no effect: containers run in real time, and take ${timeScale} times as long as on loopback`;
}

/** Unlike a run, of which reports would be compared: whoever brings this up sees how long it takes. The note is in the file's head. */
function inRealTime(scenario: Scenario): Scenario {
  const note = timeScaleNote(scenario);
  return note === undefined ? scenario : { ...scenario, timeScale: 1, about: `${scenario.about}\n${note}` };
}
