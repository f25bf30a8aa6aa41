import { readFileSync } from "node:fs";

/**
 * Reads a report of Vitest's JSON reporter and prints "PASSED FAILED SKIPPED", then a line for every group of
 * tests that was left out. Arguments: the report and Vitest's exit code.
 */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

const [path = "", exitCode] = process.argv.slice(2);
const report = JSON.parse(readFileSync(path, "utf8")) as Report;
const tests = report.testResults.flatMap((file) => file.assertionResults);

const passed = tests.filter((test) => test.status === "passed").length;
const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed");
// A file that cannot be loaded has no tests to count, but is a failure.
const unloaded = report.testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
).length;
let failed = tests.filter((test) => test.status === "failed").length + unloaded;
// An error outside of any test: Vitest fails, though every test passed.
if (failed === 0 && exitCode !== "0") failed = 1;

console.log(passed, failed, skipped.length);

const leftOut = new Map<string, number>();
for (const test of skipped) {
  // A group that is left out says so, and why, in its title.
  const titles = [...test.ancestorTitles.filter((title) => title !== ""), test.title];
  const group = titles.find((title) => title.includes("left out")) ?? titles[0] ?? "";
  leftOut.set(group, (leftOut.get(group) ?? 0) + 1);
}
for (const [group, count] of leftOut) console.log(`${count} of: ${group}`);
