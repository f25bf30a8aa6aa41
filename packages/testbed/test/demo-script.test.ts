import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../../scripts/demo", import.meta.url));

function demo(...args: string[]) {
  return spawnSync(SCRIPT, args, { encoding: "utf8", timeout: 10_000 });
}

describe("scripts/demo", () => {
  test.each(["--help", "-h"])("explains itself on %s, and runs nothing", (flag) => {
    const { status, stdout } = demo(flag);
    expect(stdout).toMatch(/^Usage: scripts\/demo\n/);
    expect(status).toBe(0);
  });
  test("refuses what it does not know", () => {
    const { status, stdout, stderr } = demo("--fast");
    expect(stderr).toMatch(/unknown argument '--fast'/);
    expect(stdout).toBe("");
    expect(status).toBe(2);
  });
});
