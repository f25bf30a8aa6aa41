import { execFile, spawnSync } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const OUTPUT_MOST = 64 << 20;

export const ROOT = new URL("../../../", import.meta.url).pathname;
export const IMAGE = "cachetorrent-test";
/** What the Dockerfile begins with. */
export const BASE_IMAGE = "node:24-bookworm-slim";
export const STOCK_IMAGE = "cachetorrent-stock-test";

/** Runs a command to its end and gives what it printed; rejects with what it printed on stderr if it fails. */
export async function command(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await run(file, [...args], {
    cwd: ROOT,
    maxBuffer: OUTPUT_MOST,
    env: { ...process.env, ...env },
  });
  return stdout;
}

export const docker = (...args: string[]): Promise<string> => command("docker", args);

/** `docker compose` where Docker has it, else docker-compose. */
export const COMPOSE: readonly [file: string, ...args: string[]] =
  spawnSync("docker", ["compose", "version"]).status === 0 ? ["docker", "compose"] : ["docker-compose"];

/** The project's image, as the Dockerfile makes it. */
export async function buildImage(): Promise<void> {
  const build = ["build", "--network", "host", "-f", "docker/Dockerfile", "-t", IMAGE, "."];
  await command("docker", build, { DOCKER_BUILDKIT: "1" });
}

/** aria2 and Transmission. */
export async function buildStockImage(): Promise<void> {
  const build = ["build", "--network", "host", "-t", STOCK_IMAGE, "docker/stock"];
  await command("docker", build, { DOCKER_BUILDKIT: "1" });
}
