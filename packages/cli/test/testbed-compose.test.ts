import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "./support/run.ts";

const SCENARIO = `
name: two
about: two policies on one site
ases:
  - { name: site, peers: 2, up: 100kB/s }
seeds: { up: 200kB/s }
torrent: { pieces: 4 }
policies:
  - { name: bittorrent }
  - { name: cache, leader-percent: 25 }
`;

async function folder(scenario = SCENARIO): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-cli-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  await writeFile(join(path, "two.yml"), scenario);
  return path;
}

test("testbed compose writes the testbed of a policy, and says how to bring it up and down", async () => {
  const cwd = await folder();
  const { exitCode, stdout } = await run(["testbed", "compose", "two.yml", "--policy", "cache 25"], { cwd });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^out\/compose\/two\/compose\.yml: 3 peers in 2 ASes, policy cache 25\n/);
  expect(stdout).toContain("docker compose -f out/compose/two/compose.yml up -d\n");
  expect(stdout).toContain("docker compose -f out/compose/two/compose.yml down -v\n");
  const text = await readFile(join(cwd, "out", "compose", "two", "compose.yml"), "utf8");
  expect(text).toContain("# Written by: cachetorrent testbed compose two.yml --policy 'cache 25'\n");
  expect(text).toContain("--leader-percent");
});

test("testbed compose names the policies there are when it is asked for another", async () => {
  const { exitCode, stderr } = await run(["testbed", "compose", "two.yml", "--policy", "cache 2"], {
    cwd: await folder(),
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain(
    "--policy cache 2: the scenario has bittorrent, cache 25 (did you mean cache 25?)",
  );
});

test("testbed run without --on refuses a scenario with faults, and says where it runs", async () => {
  const cwd = await folder(`${SCENARIO}faults: [{ kill: tracker, at: 1s }]\n`);
  const { exitCode, stderr } = await run(["testbed", "run", "two.yml"], { cwd });
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/two has faults, .*--on compose \[CT_ERR_USAGE\]/);
});
