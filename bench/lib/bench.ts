import { mkdir, mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { availableParallelism, constants, cpus, release, tmpdir, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "@cachetorrent/clock";
import { CtError, formatSize } from "@cachetorrent/protocol";
import { DaemonGroup, type DaemonProcess } from "@cachetorrent/testbed";
import { type Goal, renderGoals } from "./goals.ts";
import { type Option, type Options, readOptions, renderOptions, type Values } from "./options.ts";

/** What a bench works with. */
export interface Stage {
  /** Of its own, and gone afterwards. */
  readonly dir: string;
  /** Path of the `cachetorrent` program. */
  readonly program: string;
  readonly clock: Clock;
  /** Starts a process that ends with the bench, whatever comes. */
  start(name: string, command: string, args: readonly string[]): Promise<DaemonProcess>;
  print(line: string): void;
}

export interface Outcome {
  /** For people. */
  readonly lines: readonly string[];
  readonly goals: readonly Goal[];
  /** For programs: everything that was measured. */
  readonly figures: unknown;
  /** Of the programs that were compared. */
  readonly versions?: Readonly<Record<string, string>>;
}

export interface Bench<O extends Options> {
  /** As in `npm run bench:NAME`. */
  readonly name: string;
  readonly about: string;
  readonly options: O;
  /** What of the disk it takes at most. */
  bytesNeeded(values: Values<O>): number;
  run(stage: Stage, values: Values<O>): Promise<Outcome>;
}

const ROOT = join(import.meta.dirname, "..", "..");

function text(placeholder: string, description: string, fallback = ""): Option<string> {
  return { default: fallback, placeholder, description, read: (value) => value };
}

const COMMON = {
  dir: text("DIR", "where temporary files are made, in a folder that is removed at the end", tmpdir()),
  json: text("FILE", "write all figures to this file"),
};

/** Runs a bench as a program does: its arguments, its output, its end. Never returns. */
export async function runBench<O extends Options>(bench: Bench<O>): Promise<never> {
  const args = process.argv.slice(2);
  const [options, common] = [{ ...bench.options, ...COMMON }, bench.name];
  const read = readOptions(args, options);
  if (read === "help") {
    process.stdout.write(
      `Usage: npm run bench:${common} -- [options]\n\n${bench.about}\n\nOptions:\n${renderOptions(options)}\n\n` +
        "Exit codes: 0 all goals are met, 1 one was missed or it failed, 2 wrong usage, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM.\n",
    );
    process.exit(0);
  }
  if ("wrong" in read) {
    process.stderr.write(`${bench.name}: ${read.wrong} (--help explains it)\n`);
    process.exit(2);
  }
  const values = read as Values<O> & Values<typeof COMMON>;
  await checkRoom(bench.name, values.dir, bench.bytesNeeded(values));
  const dir = await mkdtemp(join(values.dir, `cachetorrent-${bench.name}-`));
  const group = new DaemonGroup();
  const end = async (): Promise<void> => {
    await group.stopAll();
    await rm(dir, { recursive: true, force: true });
  };
  process.on("exit", () => group.killAll());
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, async () => {
      process.stderr.write(`\n${bench.name}: ${signal}, stopping ${group.running.length} processes\n`);
      // Before what fails now, because its processes end, sets another.
      process.exitCode ??= 128 + constants.signals[signal];
      await end();
      process.exit();
    });
  }
  const stage: Stage = {
    dir,
    program: join(ROOT, "packages", "cli", "bin", "cachetorrent"),
    clock: systemClock,
    start: (name, command, words) =>
      group.start({
        name,
        command,
        args: words,
        logFile: join(dir, `${name.replaceAll(/[^\w.-]+/g, "-")}.log`),
        clock: systemClock,
        // Ours would keep state in the home of whoever runs this.
        env: { ...process.env, XDG_STATE_HOME: join(dir, "state") },
      }),
    print: (line) => process.stdout.write(`${line}\n`),
  };
  const command = ["npm run", `bench:${bench.name}`, ...(args.length > 0 ? ["--", ...args] : [])].join(" ");
  try {
    const machine = describeMachine();
    stage.print(`${command}\n${machine}\n`);
    await warmUp(stage);
    const outcome = await bench.run(stage, values);
    if (process.exitCode === undefined) {
      const goals = outcome.goals.length > 0 ? ["", ...renderGoals(outcome.goals)] : [];
      stage.print(["", ...outcome.lines, ...goals].join("\n"));
      const madeAt = new Date(systemClock.now()).toISOString();
      const { figures, goals: judged, versions } = outcome;
      const report = { bench: bench.name, command, machine, versions, madeAt, goals: judged, figures };
      if (values.json !== "") await writeReport(values.json, report);
      process.exitCode = outcome.goals.every((goal) => goal.isMet) ? 0 : 1;
    }
  } catch (error) {
    // After a signal every wait fails, and that is no news.
    if (process.exitCode === undefined) {
      process.stderr.write(`\n${bench.name}: ${describe(error)}\n`);
      process.exitCode = 1;
    }
  }
  await end();
  process.exit();
}

/** Node keeps what it compiled for the next start: what the first start after an installation takes is not what is measured. */
async function warmUp(stage: Stage): Promise<void> {
  const help = await stage.start("warm-up", stage.program, ["peer", "--help"]);
  const exit = await help.exited;
  if (exit.code !== 0) throw help.failure("does not start");
}

async function checkRoom(name: string, dir: string, bytes: number): Promise<void> {
  try {
    const { bavail, bsize } = await statfs(dir);
    if (bavail * bsize >= bytes) return;
    process.stderr.write(
      `${name}: ${dir} has ${formatSize(bavail * bsize)} left, and it takes ${formatSize(bytes)}: name another folder with --dir\n`,
    );
  } catch (error) {
    process.stderr.write(`${name}: --dir ${dir}: ${(error as Error).message}\n`);
  }
  process.exit(2);
}

async function writeReport(file: string, report: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, undefined, 2)}\n`);
}

function describeMachine(): string {
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  return `${availableParallelism()} x ${processor}, ${formatSize(totalmem())}, Linux ${release()}, Node ${process.version}`;
}

function describe(error: unknown): string {
  if (error instanceof CtError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
