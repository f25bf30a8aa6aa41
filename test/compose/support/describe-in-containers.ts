import { spawnSync } from "node:child_process";
import { beforeAll, describe } from "vitest";
import { removeLeftovers } from "./leftovers.ts";

/** A group of tests in containers; left out, and said so, where no Docker Engine answers. */
export function describeInContainers(name: string, tests: () => void): void {
  if (spawnSync("docker", ["info"]).status === 0)
    describe(name, () => {
      beforeAll(removeLeftovers);
      tests();
    });
  else describe.skip(`${name} (left out: no Docker Engine answers)`, tests);
}

/** The same for what takes minutes: left out too, and said so, in a gate that has none to spare (CT_GATE=short). */
export function describeAtLeisure(name: string, tests: () => void): void {
  if (process.env.CT_GATE !== "short") describeInContainers(name, tests);
  else describe.skip(`${name} (left out: CT_GATE is short)`, tests);
}
