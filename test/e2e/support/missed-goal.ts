/** A bench one of whose two goals nobody meets: see benches.test.ts. */
import { runBench } from "../../../bench/lib/bench.ts";
import { asTimes, atMost } from "../../../bench/lib/goals.ts";

await runBench({
  name: "missed-goal",
  about: "Measures nothing.",
  options: {},
  bytesNeeded: () => 0,
  run: async () => ({
    lines: [],
    goals: [atMost("met", 1, 1, asTimes), atMost("missed", 2, 1, asTimes)],
    figures: {},
  }),
});
