import { cp, mkdir, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, it } from "vitest";
import { run, temporaryFolder } from "../support/run.ts";

/** A clone in small, with sources and a built program that say which of them they are. */
describe("the command runs", () => {
  let root: string;
  let cli: string;

  beforeEach(async () => {
    root = await temporaryFolder();
    cli = join(root, "packages", "cli");
    await mkdir(join(root, "packages", "peer", "src"), { recursive: true });
    for (const folder of ["bin", "src", "dist"]) await mkdir(join(cli, folder), { recursive: true });
    await cp(fileURLToPath(new URL("../../bin", import.meta.url)), join(cli, "bin"), { recursive: true });
    const say = (what: string) => `console.log(${JSON.stringify(what)}, ...process.argv.slice(2));`;
    await write("packages/peer/src/index.ts", "", 1000);
    await write("packages/peer/package.json", "{}", 1000);
    await write("package-lock.json", "{}", 1000);
    await write("packages/cli/src/main.ts", say("sources"), 1000);
    await write("packages/cli/dist/start.cjs", say("built"), 2000);
    for (const folder of ["peer/src", "cli/src"]) await utimes(join(root, "packages", folder), 1000, 1000);
  });

  async function write(path: string, text: string, time: number): Promise<void> {
    await writeFile(join(root, path), text);
    await utimes(join(root, path), time, time);
  }

  async function whichRuns(...args: string[]): Promise<string> {
    const { stdout } = await run(args, {
      bin: join(cli, "bin", "cachetorrent"),
      env: { PATH: `${join(process.execPath, "..")}:${process.env.PATH}` },
    });
    return stdout.trim();
  }

  it("what is built", async () => {
    expect(await whichRuns("peer", "a b")).toBe("built peer a b");
  });

  it("the sources where nothing is", async () => {
    await rm(join(cli, "dist"), { recursive: true });
    expect(await whichRuns("peer")).toBe("sources peer");
  });

  it.each([
    "packages/peer/src/index.ts",
    "packages/cli/src/main.ts",
    "packages/peer/package.json",
    "package-lock.json",
  ])("the sources where %s was changed since", async (path) => {
    await utimes(join(root, path), 3000, 3000);
    expect(await whichRuns("peer")).toBe("sources peer");
  });

  it("the sources where one is gone since", async () => {
    await rm(join(root, "packages/peer/src/index.ts"));
    expect(await whichRuns("peer")).toBe("sources peer");
  });

  it("the sources where it cannot be told what is newer", async () => {
    const tools = join(root, "tools");
    await mkdir(tools);
    for (const tool of ["dirname", "readlink"]) await symlink(`/usr/bin/${tool}`, join(tools, tool));
    await symlink(process.execPath, join(tools, "node"));
    const { stdout } = await run(["peer"], { bin: join(cli, "bin", "cachetorrent"), env: { PATH: tools } });
    expect(stdout.trim()).toBe("sources peer");
  });

  it("the sources for testbeds", async () => {
    expect(await whichRuns("testbed", "list")).toBe("sources testbed list");
    expect(await whichRuns("help", "testbed")).toBe("sources help testbed");
  });
});
