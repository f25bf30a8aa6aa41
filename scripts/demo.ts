import { availableParallelism, constants, cpus, totalmem } from "node:os";
import { join, relative } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { CtError, formatSize } from "@cachetorrent/protocol";
import { DaemonGroup, DEMO, runDemo } from "@cachetorrent/testbed";

const root = join(import.meta.dirname, "..");
const outDir = join(root, "out", "demo");
const group = new DaemonGroup();

process.on("exit", () => group.killAll());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, async () => {
    process.stderr.write(`\nscripts/demo: ${signal}, stopping ${group.running.length} daemons\n`);
    process.exitCode = 128 + constants.signals[signal];
    await group.stopAll();
    process.exit();
  });
}

try {
  const report = await runDemo({
    scenario: DEMO,
    program: join(root, "packages", "cli", "bin", "cachetorrent"),
    outDir,
    group,
    clock: systemClock,
    seed: 20_090,
    command: "scripts/demo",
    machine: `${cpus()[0]?.model.trim() ?? "unknown processor"}, ${availableParallelism()} cores, ${formatSize(totalmem())}, Node.js ${process.version}`,
    print: (line) => process.stdout.write(`${line}\n`),
  });
  const failed = report.runs.filter((run) => run.completed < run.peers);
  process.stdout.write(
    `\nThe figures are in ${relative(root, outDir)}/report.json, logs and ledgers beside them.\n`,
  );
  if (failed.length > 0) process.exitCode = 1;
} catch (error) {
  // After a signal every wait fails, and that is no news.
  if (process.exitCode === undefined) {
    process.stderr.write(
      `\nscripts/demo: ${error instanceof CtError ? error.message : error instanceof Error ? error.stack : error}\n`,
    );
    process.exitCode = 1;
  }
} finally {
  await group.stopAll();
}
process.exit();
