import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { BIN, call, temporaryFolder } from "./support/run.ts";

const document = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");

/** The units of systemd that stand there, by their names. */
const units = [...document.matchAll(/^```ini\n# \/etc\/systemd\/system\/(\S+)\n([^`]+)```$/gm)].map(
  ([, name = "", text = ""]) => ({ name, text }),
);
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

function settingOf(text: string, key: string): string | undefined {
  return new RegExp(`^${key}=(.+)$`, "m").exec(text)?.[1];
}

/** The words of its command after the program, as systemd passes them of an instance called `release`. */
function commandOf(text: string): string[] {
  const [program, ...args] = (settingOf(text, "ExecStart") ?? "").replaceAll("%i", "release").split(" ");
  expect(program).toBe("/usr/local/bin/cachetorrent");
  return args;
}

describe("the systemd units of docs/operations.md", () => {
  it("are a tracker, a daemon, and a template for peers", () => {
    expect(units.map(({ name }) => name).sort()).toEqual([
      "cachetorrent-peer.service",
      "cachetorrent-peer@.service",
      "cachetorrent-tracker.service",
    ]);
  });

  it.each(units)("$name runs a command that there is, and may write where that writes", async ({ text }) => {
    const args = commandOf(text);
    const config = join(await temporaryFolder(), "config.yml");
    await writeFile(config, "");
    const given = args.map((arg) => (arg.startsWith("/etc/cachetorrent/") ? config : arg));
    const { exitCode, stderr, stdout } = await call([...given, "--print-config"]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    const { dir, state } = parse(stdout);
    if (args[0] === "tracker") return;
    expect(state).toBe(`/var/lib/${settingOf(text, "StateDirectory")}`);
    expect(settingOf(text, "ReadWritePaths")).toBe(dir);
  });

  it.skipIf(!hasSystemd).each(units)("$name is one that systemd understands", async ({ name, text }) => {
    const file = join(await temporaryFolder(), name);
    await writeFile(file, text.replace("/usr/local/bin/cachetorrent", BIN));
    const { status, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
    // It tells of the machine's own units, too.
    const told = stderr.split("\n").filter((line) => line.includes(name.replace(/@?\.service$/, "")));
    expect({ status, told }).toEqual({ status: 0, told: [] });
  });
});
