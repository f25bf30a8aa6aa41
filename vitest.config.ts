import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** What daemons remember goes here, not into the home of whoever runs the tests. */
const env = { XDG_STATE_HOME: join(import.meta.dirname, "out", "state") };

/** Their own: what files before them left to the garbage collector would hide what these look for. */
const MEASURE_THEIR_PROCESS = ["packages/peer/test/hazards.test.ts"];

const unit = {
  // Far more than any takes: a busy machine is no fault of theirs.
  testTimeout: 60_000,
  // On two cores vitest would take one for itself, and leave it idle; and many wait for sockets and processes.
  maxWorkers: 3,
};

/** One project a kind of test, so that each can be run, and timed, by itself. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...unit,
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "bench/test/**/*.test.ts"],
          exclude: MEASURE_THEIR_PROCESS,
          // A process for each file, which loads what it needs anew, would take as much time as the tests.
          isolate: false,
        },
      },
      {
        test: {
          ...unit,
          name: "unit-alone",
          include: MEASURE_THEIR_PROCESS,
        },
      },
      {
        test: {
          name: "e2e",
          env,
          include: ["test/e2e/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Mostly they wait for intervals of daemons.
          maxWorkers: 3,
        },
      },
      {
        test: {
          name: "testbed",
          env,
          include: ["test/testbed/**/*.test.ts"],
          testTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/browser/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: "compose",
          include: ["test/compose/**/*.test.ts"],
          testTimeout: 240_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: "interop",
          env,
          include: ["test/interop/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // Mostly they wait for stock clients.
          maxWorkers: 2,
        },
      },
    ],
  },
});
