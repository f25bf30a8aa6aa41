import { execFile } from "node:child_process";
import { constants, mkdir, open, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { outcomeOf, printed, start, temporaryFolder } from "./support/run.ts";
import { TWO_POLICIES } from "./support/two-policies.ts";

/** Docker that has every image and no container; `up` says at `reached` that it was begun, and waits for a line at `go`. */
const DOCKER = `#!/bin/sh
echo "$*" >> "$WORLD/calls"
case "$*" in
  image*) echo 0123456789ab ;;
  *" up "*) echo > "$WORLD/reached"; read -r _ < "$WORLD/go" ;;
esac
`;

/** A run in containers, of which the first are being brought up. */
async function comingUp() {
  const dir = await temporaryFolder();
  const [reached, go] = [join(dir, "reached"), join(dir, "go")];
  await mkdir(join(dir, "bin"));
  await writeFile(join(dir, "bin", "docker"), DOCKER, { mode: 0o755 });
  await writeFile(join(dir, "two.yml"), TWO_POLICIES);
  await promisify(execFile)("mkfifo", [reached, go]);
  // Whoever still waits there is let through.
  onTestFinished(async () => {
    for (const path of [reached, go])
      await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close();
  });
  const PATH = [join(dir, "bin"), "/usr/bin", "/bin"].join(delimiter);
  const args = ["testbed", "run", "two.yml", "--on", "compose", "--out", "out"];
  const child = start(args, { cwd: dir, env: { PATH, WORLD: dir } });
  const ended = outcomeOf(child);
  await readFile(reached);
  const answer = printed(child, /^ending: .*$/m);
  child.kill("SIGINT");
  expect((await answer)[0]).toMatch(/containers are taken down .*Ctrl-C again leaves them up/);
  return { child, dir, ended, goOn: () => writeFile(go, "\n") };
}

test("Ctrl-C while containers are brought up is answered at once, and the cell is partial once they are down", async () => {
  const { dir, ended, goOn } = await comingUp();
  await goOn();
  const { exitCode, stderr, stdout } = await ended;
  expect(stdout).toContain("partial: interrupted while containers were started");
  expect(stdout).toContain("ended early: go on with --resume");
  expect(stderr).toBe("");
  expect(exitCode).toBe(130);
  const { cells } = JSON.parse(await readFile(join(dir, "out", "report.json"), "utf8"));
  expect(cells).toMatchObject([{ state: "partial", why: "interrupted while containers were started" }]);
  const calls = (await readFile(join(dir, "calls"), "utf8")).trim().split("\n");
  expect(calls.filter((call) => call.includes(" up "))).toHaveLength(1);
  expect(calls.at(-1)).toBe("network ls --quiet --filter label=com.docker.compose.project=ct-two");
});

test("a second Ctrl-C ends the run on the spot, and says what it leaves and how to remove it", async () => {
  const { child, ended, goOn } = await comingUp();
  // Those of the first half second are taken for one wish with the first.
  const again = setInterval(() => child.kill("SIGINT"), 50);
  onTestFinished(() => clearInterval(again));
  const { exitCode, stderr } = await ended;
  expect(exitCode).toBe(130);
  const filter = "--filter label=com.docker.compose.project=ct-two";
  expect(stderr).toBe(
    `What is up of the project ct-two stays up. The next run of two in containers removes it first, or do so now:
  docker ps --all --quiet ${filter} | xargs -r docker rm --force --volumes; docker network prune --force ${filter}
`,
  );
  await goOn();
});
