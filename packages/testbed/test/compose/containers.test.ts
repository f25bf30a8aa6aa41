import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { expect, onTestFinished, test } from "vitest";
import { Containers } from "../../src/compose/containers.ts";
import { DockerCli } from "../../src/compose/docker-cli.ts";

/** Containers of a Docker that has one, and refuses to kill it; `after` is what has become of it then. */
async function oneThatIsNotKilled(after: "exited" | "running"): Promise<Containers> {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-containers-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await writeFile(join(dir, "state"), "running");
  const script = `#!/bin/sh
case $1 in
  ps) printf 'peer-1-1\\tthe-peer\\t%s\\n' "$(cat ${dir}/state)" ;;
  kill) echo ${after} > ${dir}/state; echo "Cannot kill container: the-peer" >&2; exit 1 ;;
esac
`;
  await writeFile(join(dir, "docker"), script);
  await chmod(join(dir, "docker"), 0o755);
  const env = { PATH: `${dir}${delimiter}/usr/bin${delimiter}/bin` };
  return Containers.of(new DockerCli({ clock: systemClock, env }), "ct-one");
}

test("a container that something else has ended just before it was to be killed is dead all the same", async () => {
  const containers = await oneThatIsNotKilled("exited");
  await containers.kill(["peer-1-1"]);
  expect((await containers.running()).size).toBe(0);
});

test("one that runs on is told of", async () => {
  const containers = await oneThatIsNotKilled("running");
  await expect(containers.kill(["peer-1-1"])).rejects.toThrow("Cannot kill container: the-peer");
});
