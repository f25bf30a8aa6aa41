import { constants } from "node:os";
import { join } from "node:path";
import { randomBelow, systemClock, systemRandom } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";
import { DaemonGroup } from "@cachetorrent/testbed";
import { HELP, readOptions } from "./fuzz/options.ts";
import { fuzz } from "./fuzz/run.ts";

const root = join(import.meta.dirname, "..");
const options = readOptions(process.argv.slice(2), {
  seed: randomBelow(systemRandom, 2 ** 32),
  outDir: join(root, "out", "fuzz"),
});
if (options === "help") {
  process.stdout.write(HELP);
  process.exit(0);
}
if ("wrong" in options) {
  process.stderr.write(`fuzz: ${options.wrong} (npm run fuzz -- --help explains it)\n`);
  process.exit(2);
}

const group = new DaemonGroup();
process.on("exit", () => group.killAll());
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, async () => {
    process.stderr.write(`\nfuzz: ${signal}, stopping ${group.running.length} daemons\n`);
    await group.stopAll();
    process.exit(128 + constants.signals[signal]);
  });
}

try {
  const failure = await fuzz(options, {
    clock: systemClock,
    group,
    program: join(root, "packages", "cli", "bin", "cachetorrent"),
    print: (line) => process.stdout.write(`${line}\n`),
  });
  process.exitCode = failure === undefined ? 0 : 1;
  if (failure !== undefined) process.stderr.write(`\nfuzz: FAILED: ${failure}\n`);
  else process.stdout.write("\nfuzz: all is well\n");
} catch (error) {
  process.stderr.write(
    `\nfuzz: ${error instanceof CtError ? error.message : error instanceof Error ? error.stack : error}\n`,
  );
  process.exitCode = 1;
} finally {
  await group.stopAll();
}
process.exit();
