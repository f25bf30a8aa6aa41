import type { Clock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";
import type { CellRecords } from "../cell-records.ts";
import type { CellRunner, CellTask } from "../cell-runner.ts";
import type { Scenario } from "../scenario/scenario.ts";
import { holdersOf } from "./address-holders.ts";
import { ANNOUNCE_URL, INTERNET_PREFIX, prefixesOf } from "./addresses.ts";
import { ComposeCell } from "./cell-run.ts";
import { checkForCompose } from "./compose-plan.ts";
import { removalWords } from "./containers.ts";
import { DockerCli } from "./docker-cli.ts";
import { projectName } from "./write-project.ts";

/** Longer than any run. */
const LONGEST_MS = 7 * 24 * 3_600_000;

export interface ComposeRunnerOptions {
  readonly clock: Clock;
  /** That of this process: where docker is, and which images. */
  readonly env: NodeJS.ProcessEnv;
  /** `UID:GID` of this process. */
  readonly user: string;
  /** Microseconds that the machine's cores have been busy, all together, and how many they are. */
  readonly busyMicros: () => number;
  readonly cores: number;
}

/** Each peer in a container of its own, each AS a network behind a border, on the Docker of this machine. */
export class ComposeRunner implements CellRunner {
  readonly on = "compose";
  /** Two would have the same addresses. */
  readonly atOnce = 1;
  readonly announceUrl = ANNOUNCE_URL;
  readonly #options: ComposeRunnerOptions;
  readonly #docker: DockerCli;

  constructor(options: ComposeRunnerOptions) {
    this.#options = options;
    this.#docker = new DockerCli(options);
  }

  async check(scenario: Scenario): Promise<void> {
    checkForCompose(scenario);
    await this.#docker.check();
    const { env } = this.#options;
    await this.#needs(env.CACHETORRENT_IMAGE ?? "cachetorrent", "-f docker/Dockerfile", ".");
    if (scenario.ases.some(({ stock }) => stock))
      await this.#needs(env.CACHETORRENT_STOCK_IMAGE ?? "cachetorrent-stock", "", "docker/stock");
    const prefixes = prefixesOf(scenario.ases.length);
    // What an earlier run of the scenario left is removed before it begins.
    const holders = await holdersOf(prefixes, this.#docker, projectName(scenario));
    if (holders.length > 0) {
      throw new CtError(
        "CT_ERR_TESTBED",
        `the addresses of ${scenario.name} (${INTERNET_PREFIX}, and 198.18.N.0/24 for its ASes) are taken by ${holders.join(", and by ")}`,
      );
    }
  }

  async run(task: CellTask): Promise<CellRecords> {
    const { clock } = this.#options;
    const cell = new ComposeCell({ ...this.#options, task, docker: this.#docker });
    // Between two looks nothing but timers is under way here, and those do not keep a process alive.
    const alive = clock.after(LONGEST_MS, () => undefined, { keepAlive: true });
    try {
      return await cell.run();
    } finally {
      await cell.end();
      alive.cancel();
    }
  }

  leftBehind(scenario: Scenario): string {
    const project = projectName(scenario);
    return `What is up of the project ${project} stays up. The next run of ${scenario.name} in containers removes it first, or do so now:\n  ${removalWords(project)}`;
  }

  async #needs(image: string, options: string, context: string): Promise<void> {
    if (await this.#docker.hasImage(image)) return;
    const words = ["docker build", options, "-t", image, context].filter((word) => word !== "");
    throw new CtError(
      "CT_ERR_TESTBED",
      `there is no image ${image}: build it, in a clone of CacheTorrent, with ${words.join(" ")}`,
    );
  }
}
