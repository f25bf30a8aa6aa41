import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import type { DaemonGroup } from "@cachetorrent/testbed";
import { type Bench, downloadHonestly, startBench } from "./bench.ts";
import { Campaign } from "./campaign.ts";
import { mib } from "./memory.ts";
import type { FuzzOptions } from "./options.ts";
import { sleep } from "./pacer.ts";
import { Watch } from "./watch.ts";

const MINUTE = 60_000;
/**
 * V8 and the allocator take more as long as there is plenty, so that for many minutes nobody can tell a leak from ease. Held
 * short, a process shows what it really keeps; one that leaks fast ends.
 */
const SPARING = [
  "env",
  "NODE_OPTIONS=--max-semi-space-size=4 --max-old-space-size=128",
  "MALLOC_ARENA_MAX=2",
  "MALLOC_TRIM_THRESHOLD_=131072",
];

export interface FuzzParts {
  readonly clock: Clock;
  readonly group: DaemonGroup;
  readonly program: string;
  print(line: string): void;
}

/** One whole run. Resolves with what went wrong, or undefined. */
export async function fuzz(options: FuzzOptions, parts: FuzzParts): Promise<string | undefined> {
  const { clock, group, print, program } = parts;
  const { minutes, outDir, policy, seed } = options;
  const again = `npm run fuzz -- --seed ${seed} --minutes ${minutes} --policy ${policy}`;
  print(`seed ${seed}; the same inputs again: ${again}`);
  // Only what is ours: the folder is the user's.
  const dir = join(outDir, "run");
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const campaign = new Campaign(clock, seed);
  const hostile = await campaign.listen();
  const launcher = { program, group, clock, logDir: join(dir, "logs"), within: SPARING };
  const bench = await startBench({ launcher, dir, policy, minutes, hostile });
  const watch = new Watch(bench, clock);
  await watch.start();

  const runMs = minutes * MINUTE;
  const startedAt = clock.now();
  const isOver = () => watch.failure !== undefined || clock.now() - startedAt >= runMs;
  const reporting = reportEachMinute(isOver, { campaign, watch, clock, print });
  await campaign.run(bench, { peerIds: watch.peerIds }, isOver);
  await reporting;
  await campaign.stop();
  let failure = watch.failure ?? watch.growth(runMs);
  failure ??= await afterwards(bench, watch, print);
  failure ??= watch.failure;
  await watch.stop();
  failure ??= watch.failure;
  for (const line of report(campaign, watch)) print(line);
  if (failure === undefined) return undefined;
  const file = join(outDir, "last-inputs.jsonl");
  await writeFile(file, campaign.last.toText());
  return `${failure}\n  the last inputs: ${relative(process.cwd(), file)}\n  again: ${again}`;
}

/** The work that the daemons are there for, done once more. */
async function afterwards(
  bench: Bench,
  watch: Watch,
  print: (line: string) => void,
): Promise<string | undefined> {
  try {
    await downloadHonestly(bench, "fresh", "127.9.0.1:0", join(bench.dir, "fresh"));
    print("afterwards a fresh peer downloaded all, byte for byte");
    await watch.stop();
    const { code } = await bench.leecher.daemon.stop();
    if (code !== 143) return `the leecher ended with ${code} at SIGTERM, not with 143`;
    await downloadHonestly(bench, "leecher-again", "127.2.0.1:0", bench.leecher.dir);
    print("the leecher was stopped and started, and downloaded the rest");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

interface Reporting {
  readonly campaign: Campaign;
  readonly watch: Watch;
  readonly clock: Clock;
  print(line: string): void;
}

async function reportEachMinute(isOver: () => boolean, reporting: Reporting): Promise<void> {
  const { campaign, clock, print, watch } = reporting;
  let next = clock.now() + MINUTE;
  while (!isOver()) {
    await sleep(clock, 200);
    if (clock.now() < next || isOver()) continue;
    next += MINUTE;
    for (const line of report(campaign, watch)) print(line);
  }
}

function* report(campaign: Campaign, watch: Watch): Iterable<string> {
  const total = [...campaign.counts.values()].reduce((sum, count) => sum + count, 0);
  yield `\n${total} inputs, ${campaign.unreachable} connections could not be made`;
  const kinds = [...campaign.counts].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [kind, count] of kinds) yield `  ${String(count).padStart(8)}  ${kind}`;
  yield watch.silent.length === 0
    ? "each daemon answered an honest peer within the last seconds"
    : `no answer to an honest peer from: ${watch.silent.join(", ")}`;
  yield "memory (resident)      first       now      peak";
  for (const [name, curve] of watch.memory) {
    const figures = [curve.first, curve.now, curve.peak].map((bytes) => mib(bytes).padStart(10));
    yield `  ${name.padEnd(16)}${figures.join("")}`;
  }
}
