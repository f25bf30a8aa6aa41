import { spawnSync } from "node:child_process";
import { afterEach, beforeAll, expect, test } from "vitest";
import { describeInContainers } from "./support/describe-in-containers.ts";
import { buildImage, docker, IMAGE } from "./support/docker.ts";
import { leftoversOf, PROJECT_LABEL, projectName, removeLeftovers } from "./support/leftovers.ts";
import { runOnCompose } from "./support/run-on-compose.ts";

describeInContainers("what a run that was killed has left", () => {
  beforeAll(buildImage, 300_000);
  const dead = `ct-test${spawnSync("true").pid}-left`;
  const alive = projectName("alive");
  afterEach(async () => {
    for (const id of await networksOf(alive)) await docker("network", "rm", id);
  });

  const networksOf = async (project: string) =>
    (await docker("network", "ls", "--quiet", "--filter", `label=${PROJECT_LABEL}=${project}`))
      .split("\n")
      .filter(Boolean);
  const addNetwork = (project: string, subnet: string) =>
    docker(
      "network",
      "create",
      "--label",
      `${PROJECT_LABEL}=${project}`,
      "--subnet",
      subnet,
      `${project}_net`,
    );

  test("is removed by the next one, if it is of a test whose process no longer lives", async () => {
    await addNetwork(dead, "198.18.1.0/24");
    await docker("volume", "create", "--label", `${PROJECT_LABEL}=${dead}`, `${dead}_data`);
    const mount = `type=volume,source=${dead}_data,target=/data`;
    await docker(
      "create",
      "--label",
      `${PROJECT_LABEL}=${dead}`,
      "--network",
      `${dead}_net`,
      "--mount",
      mount,
      IMAGE,
    );
    await addNetwork(alive, "198.18.2.0/24");
    expect((await leftoversOf(dead)).length).toBe(3);
    await removeLeftovers();
    expect(await leftoversOf(dead)).toEqual([]);
    expect((await leftoversOf(alive)).length).toBe(1);
  });

  test("is told by a run that would have its addresses, with the words that remove it", async () => {
    await addNetwork(alive, "198.19.0.0/16");
    const error = await runOnCompose("faults").then(
      () => undefined,
      ({ stderr }: { stderr: string }) => stderr,
    );
    expect(error).toContain(`taken by the project ${alive}, another testbed or`);
    const words = /`(docker .*)`/.exec(error ?? "")?.[1] ?? "";
    expect(spawnSync("sh", ["-ec", words]).status).toBe(0);
    expect(await networksOf(alive)).toEqual([]);
  });
});
