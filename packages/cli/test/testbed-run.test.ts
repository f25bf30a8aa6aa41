import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call, temporaryFolder } from "./support/run.ts";
import { TWO_POLICIES } from "./support/two-policies.ts";

test("a scenario at fault, one that is not there, and a policy it has not are refused before anything is run", async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, "scenario.yml"), TWO_POLICIES.replace("about:", "abuot:"));
  const refused = async (...args: readonly string[]) => {
    const { exitCode, stderr, stdout } = await call(["testbed", "run", ...args], { cwd });
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    return stderr;
  };
  expect(await refused("scenario.yml", "--out", "out")).toMatch(
    /scenario\.yml:3: unknown key "abuot" \(did you mean about\?\)/,
  );
  expect(await refused("smal")).toContain("did you mean small?");
  expect(await refused("scenario")).toMatch(
    /^cachetorrent: scenario: there is no such file, .* \(did you mean scenario\.yml\?\); cachetorrent testbed list shows/,
  );
  expect(await refused("small", "--only", "cash", "--out", "out")).toContain(
    "--only cash: the scenario has bittorrent",
  );
  expect(await refused("small", "--on", "compose", "--at-once", "2", "--out", "out")).toContain(
    "--at-once: with --on compose",
  );
  expect(await readdir(cwd)).toEqual(["scenario.yml"]);
  await mkdir(join(cwd, "scenario"));
  expect(await refused("scenario")).toContain(
    "scenario is a folder, not a scenario's file (did you mean scenario.yml?)",
  );
});

test.each([
  [
    "run",
    "file/out",
    "the results cannot go there: a file is where a directory must be",
    "CT_ERR_FILE_IN_THE_WAY",
  ],
  [
    "compose",
    "file/out",
    "cannot write there: a file is where a directory must be",
    "CT_ERR_FILE_IN_THE_WAY",
  ],
  // Nobody may make a folder there, not even root: not permitted, denied or read-only, as the machine has it.
  ["run", "/sys/out", "cannot write there: .*", "CT_ERR_PERMISSION"],
  ["compose", "/sys/out", "cannot write there: .*", "CT_ERR_PERMISSION"],
  // The kernel says of it that there is no /proc.
  ["run", "/proc/out", "no folder can be made there", "CT_ERR_STORAGE"],
  ["compose", "/proc/out/of/it", "no folder can be made there", "CT_ERR_STORAGE"],
])(
  "testbed %s --out %s, where nothing can be written, names the option and the folder",
  async (verb, out, why, code) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, "file"), "");
    await writeFile(join(cwd, "scenario.yml"), TWO_POLICIES);
    const { exitCode, stderr } = await call(["testbed", verb, "scenario.yml", "--out", out], { cwd });
    expect(stderr).toMatch(new RegExp(`^cachetorrent: --out ${out}: ${why} \\[${code}\\]\n$`));
    expect(exitCode).toBe(1);
  },
);

test("testbed list shows the scenarios that come along, with what they are for", async () => {
  const { exitCode, stdout } = await call(["testbed", "list"]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^small\n {2}for +\S[\s\S]*\n {2}takes +about /m);
});
