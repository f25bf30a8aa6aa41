import { execFileSync } from "node:child_process";
import { describe } from "vitest";
import { namespaceName, removeNamespaces } from "./namespaces.ts";

/** Tests that need namespaces and these commands: left out, by name and with the reason, where they cannot be. */
export function describeInLab(name: string, commands: readonly string[], tests: () => void): void {
  const reason = whyNoLab(["ip", "setpriv", ...commands]);
  if (reason === undefined) {
    describe(name, tests);
    return;
  }
  console.warn(`left out: ${name}: ${reason}`);
  describe.skip(`${name} (left out: ${reason})`, tests);
}

const PACKAGE_OF: Readonly<Record<string, string>> = {
  ip: "iproute2",
  setpriv: "util-linux",
  nft: "nftables",
  aria2c: "aria2",
  "transmission-daemon": "transmission-daemon",
  nginx: "nginx-light",
  "/usr/bin/python3": "python3-libtorrent",
};

/** Why this machine can have no lab with these commands, or undefined if it can. */
function whyNoLab(commands: readonly string[]): string | undefined {
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const missing = commands.filter((command) => !isInstalled(command));
  if (missing.length > 0) {
    return `not installed: ${missing.map((command) => PACKAGE_OF[command] ?? command).join(", ")}`;
  }
  try {
    const probe = namespaceName(0, "probe");
    execFileSync("ip", ["netns", "add", probe], { stdio: "pipe" });
    removeNamespaces([probe]);
    return undefined;
  } catch (error) {
    return `this machine lets us make no network namespace (${(error as Error).message.trim()})`;
  }
}

function isInstalled(command: string): boolean {
  const check =
    command === "/usr/bin/python3" ? `${command} -c 'import libtorrent'` : `command -v ${command}`;
  try {
    execFileSync("sh", ["-c", check], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
