import { availableParallelism, cpus, release } from "node:os";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";
import {
  type CellRunner,
  ComposeRunner,
  cellLabel,
  LoopbackRunner,
  loadScenario,
  renderTable,
  runScenario,
} from "@cachetorrent/testbed";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Context } from "../context.ts";
import { counted } from "../counted.ts";
import { EXIT } from "../exit.ts";
import { inForeground } from "../foreground.ts";
import { testbedReport } from "../report/testbed-report.ts";
import { endingSignal } from "../run-daemon.ts";
import { namedBy, ownUser, scenarioFile } from "../scenario-file.ts";
import { scenarioList } from "../scenario-list.ts";
import { TerminalDisplay } from "../terminal-display.ts";
import { type RunFlags, testbedCommandLine } from "../testbed-command-line.ts";
import { defineCompose } from "./testbed-compose.ts";
import { defineWatch } from "./testbed-watch.ts";

/** What the first signal is answered with; a second one ends the process on the spot. */
const ENDING = {
  loopback: "ending: all peers stop, and what was measured is kept",
  compose:
    "ending: all containers are taken down once Docker is done with what it is at, and what was measured is kept; Ctrl-C again leaves them up",
} as const;

export function define(command: Command, context: Context): void {
  command
    .description("Run many peers over many ASes on this machine, under several policies, and compare them.")
    .addHelpText("after", EXAMPLES)
    .action(() => {
      throw new CtError(
        "CT_ERR_USAGE",
        "testbed: say run, compose, watch or list (cachetorrent testbed --help explains them)",
      );
    });
  command
    .command("run")
    .summary("run a scenario")
    .description(
      "Run every policy and variant of a scenario, as often as it says, and write report.html, report.json and report.csv. Exit code 0: all done, 1: not.",
    )
    .argument("<SCENARIO>", "a scenario's file, or the name of one that comes along")
    .option("--out <DIR>", "where the results go (default: out/testbed/NAME)")
    .option("--resume", "keep the cells that are done in DIR, and run the others")
    .option(
      "--only <LABEL...>",
      "run these policies only; with --resume the report has the others, too, as far as they are done",
    )
    .option(
      "--repetitions <N>",
      "run so many, whatever the scenario says; with --resume the report has its further ones, too, as far as they are done",
      wholeNumber,
    )
    .addOption(
      new Option(
        "--on <WHERE>",
        "loopback: all peers in a few processes; compose: each in a container, ASes behind borders",
      )
        .choices(["loopback", "compose"])
        .default("loopback", "loopback"),
    )
    .option(
      "--at-once <N>",
      "run so many cells side by side, on loopback; for machines that are idle with one (default: 1)",
      wholeNumber,
    )
    .option(
      "--workers <N>",
      "processes to spread the peers of a cell over, on loopback (default: one for each core, shared by the cells that run at once; more where each would have too many open files)",
      wholeNumber,
    )
    .action(async (name: string, flags: RunFlags) => context.finish(await run(name, flags, context)));
  defineCompose(command, context);
  command
    .command("list")
    .summary("show the scenarios that come along")
    .description(
      "Show the scenarios that come with CacheTorrent, what they are for, and about how long they take.",
    )
    .action(async () => {
      context.stdout.write(await scenarioList());
    });
  defineWatch(command, context);
}

async function run(name: string, flags: RunFlags, context: Context): Promise<number> {
  const file = await scenarioFile(name);
  const scenario = await loadScenario(file, { inContainers: flags.on === "compose" });
  for (const label of flags.only ?? []) namedBy("--only", label, scenario.policies, (policy) => policy.label);
  const { only, repetitions = scenario.repetitions, ...otherFlags } = flags;
  const outDir = flags.out ?? join("out", "testbed", scenario.name);
  const display = context.stdout.isTTY ? new TerminalDisplay(context.stdout, inForeground) : undefined;
  const print = (line: string) =>
    display ? display.printAbove(line) : void context.stdout.write(`${line}\n`);
  const ending = new AbortController();
  let signalled: number | undefined;
  void endingSignal("SIGINT", "SIGTERM", "SIGHUP").then((code) => {
    signalled = code;
    print(ENDING[flags.on]);
    ending.abort();
  });
  const runner = runnerOf(flags, context);
  let isUnderWay = true;
  process.on("exit", () => {
    display?.restore();
    const left = isUnderWay ? runner.leftBehind?.(scenario) : undefined;
    if (left !== undefined) context.stderr.write(`${left}\n`);
  });
  const { broken, report } = await runScenario({
    scenario,
    choice: { repetitions, ...(only ? { only } : {}) },
    outDir,
    resume: flags.resume === true,
    runner,
    madeAt: () => new Date(),
    command: (choice) => testbedCommandLine(name, { ...otherFlags, ...choice }, context.env),
    machine: `${availableParallelism()} x ${cpus()[0]?.model ?? "unknown processor"}, Linux ${release()}, Node ${process.version}`,
    signal: ending.signal,
    watcher: testbedReport({
      scenario,
      repetitions,
      atOnce: flags.atOnce ?? 1,
      now: systemClock.now,
      print,
      display,
    }),
  }).finally(() => {
    isUnderWay = false;
  });
  display?.show([]);
  for (const line of renderTable(report).trimEnd().split("\n")) print(line);
  print(
    `${join(outDir, "report.html")}, report.json and report.csv: ${counted(report.cells.length, "cell")}`,
  );
  if (signalled !== undefined) {
    print("ended early: go on with --resume");
    return signalled;
  }
  if (broken) {
    const [why] = broken.why?.split("\n") ?? [];
    print(`ended early: ${cellLabel(broken, repetitions)} broke down (${why}); go on with --resume`);
  }
  return report.isPartial ? EXIT.failed : EXIT.done;
}

function runnerOf({ atOnce = 1, on, workers }: RunFlags, context: Context): CellRunner {
  if (on === "loopback") {
    return new LoopbackRunner({
      atOnce,
      workers: workers ?? Math.max(1, Math.floor(availableParallelism() / atOnce)),
      isFixed: workers !== undefined,
      clock: systemClock,
      cpuMicros: () => {
        const { system, user } = process.cpuUsage();
        return system + user;
      },
    });
  }
  if (workers !== undefined)
    throw new CtError("CT_ERR_USAGE", "--workers: with --on compose every peer is a process of its own");
  if (atOnce > 1)
    throw new CtError("CT_ERR_USAGE", "--at-once: with --on compose two cells would have the same addresses");
  return new ComposeRunner({
    clock: systemClock,
    env: context.env,
    user: ownUser(),
    busyMicros: () =>
      cpus().reduce((sum, { times }) => sum + 1000 * (times.user + times.nice + times.sys + times.irq), 0),
    cores: cpus().length,
  });
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < 1 || number > 1000)
    throw new InvalidArgumentError("a whole number from 1 to 1000.");
  return number;
}

const EXAMPLES = `
Examples:
  What comes along:
    cachetorrent testbed list

  A small comparison, and one of one's own, which may be ended with Ctrl-C and gone on with later:
    cachetorrent testbed run small
    cachetorrent testbed run my-scenario.yml --out results --resume

  The same in containers, each AS behind a border of its own:
    cachetorrent testbed run my-scenario.yml --on compose

docs/testbed.md explains how a scenario is written.`;
