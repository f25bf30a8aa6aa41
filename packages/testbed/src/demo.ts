import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import { makeDirectory } from "@cachetorrent/files";
import { formatSize } from "@cachetorrent/protocol";
import { writeSeededContent } from "./content.ts";
import type { Content } from "./create-torrent.ts";
import type { DaemonGroup } from "./daemon-group.ts";
import { type DemoReport, type DemoRun, demoSentence, demoTable, progressLine } from "./demo-report.ts";
import type { DemoPolicy, DemoScenario } from "./demo-scenario.ts";
import { lowerBoundMs } from "./lower-bound.ts";
import { SwarmRun } from "./swarm-run.ts";

const PROGRESS_MS = 1000;

export interface DemoOptions {
  readonly scenario: DemoScenario;
  /** Path of the `cachetorrent` program. */
  readonly program: string;
  /** Emptied first. Keeps report, ledgers and logs; the content only of a run that failed. */
  readonly outDir: string;
  readonly group: DaemonGroup;
  readonly clock: Clock;
  /** Of the random content. */
  readonly seed: number;
  /** For the report: what makes it again, and where it was made. */
  readonly command: string;
  readonly machine: string;
  readonly print: (line: string) => void;
}

/** Runs the scenario under each of its policies. Rejects with CT_ERR_TESTBED, naming the peer at fault and its log. */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { scenario, outDir, print } = options;
  await rm(outDir, { recursive: true, force: true });
  const parent = join(outDir, "content");
  const contentBytes = scenario.files.reduce((total, file) => total + file.bytes, 0);
  print(`Making ${formatSize(contentBytes)} of random content in ${scenario.files.length} files.`);
  await makeDirectory(parent);
  await writeSeededContent(join(parent, scenario.name), scenario.files, options.seed);
  const content: Content = { ...scenario, parent };
  const runs: DemoRun[] = [];
  for (const policy of scenario.policies) runs.push(await runPolicy(options, policy, content));
  await rm(parent, { recursive: true });
  const leechers = scenario.sites.reduce((total, site) => total + site.peers - (site.seeds ?? 0), 0);
  const report: DemoReport = {
    command: options.command,
    machine: options.machine,
    seed: options.seed,
    contentBytes,
    lowerBoundMs: lowerBoundMs({
      contentBytes,
      seedUp: scenario.limitUp,
      leecherUp: scenario.limitUp,
      leechers,
    }),
    runs,
  };
  await writeFile(join(outDir, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  print(`\n${demoSentence(runs)}\n\n${demoTable(report)}\n`);
  print(`No distribution of it could take less than ${(report.lowerBoundMs / 1000).toFixed(1)} s.`);
  return report;
}

async function runPolicy(options: DemoOptions, policy: DemoPolicy, content: Content): Promise<DemoRun> {
  const { scenario, clock, group, print } = options;
  const dir = join(options.outDir, policy.name);
  const peers = scenario.sites.reduce((total, site) => total + site.peers, 0);
  print(`\nPolicy ${policy.name}: a tracker and ${peers} peers in ${scenario.sites.length} ASes.`);
  const run = await SwarmRun.start({
    launcher: { program: options.program, group, clock, logDir: join(dir, "logs") },
    dir,
    content,
    sites: scenario.sites,
    policy: policy.name,
    trackerArgs: [...scenario.trackerArgs, ...policy.trackerArgs],
    peerArgs: scenario.peerArgs,
  });
  const tookMs = await completeWithProgress(run, options, policy);
  const swarm = await run.tracker.swarm(run.infoHash);
  const peakMemoryBytes = await run.peakMemory();
  await run.stop();
  // Only now have all written down the end, which the table is made of.
  print(progressLine(policy.name, tookMs, await run.progress()));
  await run.verifyContent();
  print(`  All ${peers} copies compared with the original, byte by byte: equal.`);
  await run.removeContent();
  return {
    policy: policy.name,
    ...(await run.accounts()),
    peakMemoryBytes,
    leaders: Object.fromEntries(
      (swarm?.electorates ?? []).map((electorate) => [
        electorate.asn,
        electorate.leaders.map(({ peerId, endpoints }) => ({ peerId, endpoint: endpoints[0] ?? "" })),
      ]),
    ),
  };
}

/** Resolves with how long it took, ms. */
async function completeWithProgress(
  run: SwarmRun,
  options: DemoOptions,
  policy: DemoPolicy,
): Promise<number> {
  const { clock, print, scenario } = options;
  const startedAt = clock.now();
  const show = async () => print(progressLine(policy.name, clock.now() - startedAt, await run.progress()));
  const ticker = clock.every(PROGRESS_MS, () => {
    // A line that could not be made now comes a second later; what is wrong shows in the run itself.
    show().catch((error: Error) => print(`  (no progress to show: ${error.message})`));
  });
  try {
    await run.complete(scenario.timeoutMs);
  } finally {
    ticker.cancel();
  }
  return clock.now() - startedAt;
}
