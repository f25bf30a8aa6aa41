import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call, temporaryFolder } from "./support/run.ts";
import { TWO_POLICIES } from "./support/two-policies.ts";

async function folder(scenario = TWO_POLICIES): Promise<string> {
  const path = await temporaryFolder();
  await writeFile(join(path, "two.yml"), scenario);
  return path;
}

test("testbed compose writes the testbed of a policy, and says how to bring it up and down", async () => {
  const cwd = await folder();
  const { exitCode, stdout } = await call(["testbed", "compose", "two.yml", "--policy", "cache 25"], { cwd });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(
    /^out\/compose\/two\/compose\.yml: 2 peers, 1 initial seed in 2 ASes, policy cache 25\n/,
  );
  expect(stdout).toContain("docker compose -f out/compose/two/compose.yml up -d\n");
  expect(stdout).toContain("docker compose -f out/compose/two/compose.yml down -v\n");
  expect(stdout).toContain(
    "cachetorrent testbed watch out/compose/two/torrent/content.torrent out/compose/two/accounts --counters out/compose/two/counters --peers 2\n",
  );
  const text = await readFile(join(cwd, "out", "compose", "two", "compose.yml"), "utf8");
  expect(text).toContain("# Written by: cachetorrent testbed compose two.yml --policy 'cache 25'\n");
  expect(text).toContain("--leader-percent");
});

test("testbed compose writes a scenario with a time scale for real time, and says so there and on stderr", async () => {
  const cwd = await folder(`${TWO_POLICIES}time-scale: 4\n`);
  const { exitCode, stderr } = await call(["testbed", "compose", "two.yml"], { cwd });
  expect(exitCode).toBe(0);
  const note = "time-scale 4 of the scenario has no effect: containers run in real time";
  expect(stderr).toContain(note);
  expect(await readFile(join(cwd, "out", "compose", "two", "compose.yml"), "utf8")).toContain(`# ${note}`);
  const refused = await call(["testbed", "run", "two.yml", "--on", "compose"], { cwd });
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toMatch(/two has time-scale 4: containers run in real time\..*\[CT_ERR_USAGE\]/);
});

test("testbed compose writes nothing to stderr where all holds", async () => {
  const { exitCode, stderr } = await call(["testbed", "compose", "two.yml"], { cwd: await folder() });
  expect(exitCode).toBe(0);
  expect(stderr).toBe("");
});

test("testbed compose names the policies there are when it is asked for another", async () => {
  const { exitCode, stderr } = await call(["testbed", "compose", "two.yml", "--policy", "cache 2"], {
    cwd: await folder(),
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(
    "--policy cache 2: the scenario has bittorrent, cache 25 (did you mean cache 25?)",
  );
});

test("testbed run without --on refuses a scenario with faults, and says where it runs", async () => {
  const cwd = await folder(`${TWO_POLICIES}faults: [{ kill: tracker, at: 1s }]\n`);
  const { exitCode, stderr } = await call(["testbed", "run", "two.yml"], { cwd });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/two has faults, .*--on compose \[CT_ERR_USAGE\]/);
});
