import { basename, join } from "node:path";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What daemons remember goes here, not into the home of whoever runs the tests. */
const env = { XDG_STATE_HOME: join(import.meta.dirname, "out", "state") };

/** Those that take longest, in the order in which they begin, so that nobody waits for one of them at the end: many wait themselves. */
const LONGEST = [
  ...["hazards", "follower-stalls", "follower-escape", "restart", "cell-run"],
  ...[
    "failover",
    "testbed",
    "tracker-restart",
    "killed-often",
    "killed-while-saving",
    "coordinated",
    "tracker-trouble",
    "web-seeds",
    "cache",
  ],
  ...[
    "magnet-links",
    "local-discovery",
    "stock-clients",
    "cache-policy",
    "encryption",
    "ledger-and-kernel",
    "full-disk",
  ],
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => {
      const at = LONGEST.indexOf(basename(moduleId, ".test.ts"));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

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
    sequence: { sequencer: LongestFirst },
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
          // They wait for stock clients now and then: with two, a fifth of two cores is idle.
          maxWorkers: 3,
        },
      },
    ],
  },
});
