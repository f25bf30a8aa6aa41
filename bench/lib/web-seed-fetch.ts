import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findDifference, freePort } from "@cachetorrent/testbed";
import type { Stage } from "./bench.ts";
import { CLIENTS, type ClientName } from "./clients/index.ts";
import { type Hashed, setPageCache, writeTorrent } from "./torrents.ts";
import { usageNow } from "./waiting.ts";
import { startWebServer, type WebServer } from "./web-server.ts";

/** curl checks and assembles nothing: it is what could be had at most. */
export const FETCHERS = ["cachetorrent", "aria2", "libtorrent", "curl"] as const satisfies readonly (
  | ClientName
  | "curl"
)[];
export type Fetcher = (typeof FETCHERS)[number];

export interface FetchPlan {
  readonly fetcher: Fetcher;
  /** In whose folder the content lies. */
  readonly originalDir: string;
  readonly content: Hashed;
  readonly isNginx: boolean;
}

export interface FetchFigures {
  /** From the first request that the server saw until the fetcher said that it has everything, or ended. */
  readonly seconds: number;
  /** Of the fetcher's process, from its start. */
  readonly cpuSeconds: number;
  /** Of these, before it could do anything; undefined where that is not told. */
  readonly startCpuSeconds: number | undefined;
}

type Done = Pick<FetchFigures, "cpuSeconds" | "startCpuSeconds"> & { readonly at: number };

const CEILING_MS = 600_000;

/** One file from one HTTP server; what came is compared with the original. */
export async function fetchFromWebSeed(stage: Stage, plan: FetchPlan): Promise<FetchFigures> {
  const { content, fetcher, originalDir } = plan;
  const dir = join(stage.dir, "fetched");
  const copyDir = join(dir, "content");
  await mkdir(copyDir, { recursive: true });
  // What an earlier round wrote must not be written to disk during this one.
  await setPageCache(join(originalDir, content.name), "warm");
  let server: WebServer | undefined;
  try {
    server = await startWebServer(stage, originalDir, plan.isNginx);
    const url = `${server.url}${content.name}`;
    const { at, ...usage } =
      fetcher === "curl"
        ? await byCurl(stage, url, join(copyDir, content.name))
        : await byClient(stage, fetcher, { url, content, dir, copyDir });
    const difference = await findDifference(originalDir, copyDir, [
      { path: content.name, bytes: content.length },
    ]);
    if (difference !== undefined) throw new Error(`${fetcher} has something else: ${difference}`);
    return { ...usage, seconds: (at - (await server.firstRequestAt())) / 1000 };
  } finally {
    await server?.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

async function byClient(
  stage: Stage,
  name: ClientName,
  given: { readonly url: string; readonly content: Hashed; readonly dir: string; readonly copyDir: string },
): Promise<Done> {
  const torrentFile = join(given.dir, "content.torrent");
  await writeTorrent(torrentFile, given.content, { webSeed: given.url });
  const address = "127.0.0.11";
  const { complete, daemon } = await CLIENTS[name].start(stage, {
    ...{ name, role: "leecher", address, port: await freePort(address) },
    ...{ dir: given.copyDir, torrentFile, webSeed: given.url },
  });
  try {
    let startCpuSeconds: number | undefined;
    if (name === "cachetorrent") {
      await daemon.waitFor("listening", { timeoutMs: CEILING_MS });
      startCpuSeconds = (await usageNow(daemon)).cpuSeconds;
    }
    await complete(CEILING_MS);
    const at = stage.clock.now();
    return { at, cpuSeconds: (await usageNow(daemon)).cpuSeconds, startCpuSeconds };
  } finally {
    await daemon.stop();
  }
}

/** Its processor time is told by the shell that waits for it. */
async function byCurl(stage: Stage, url: string, file: string): Promise<Done> {
  const script = 'curl --silent --show-error --fail --output "$1" "$2" && times';
  const shell = await stage.start("curl", "sh", ["-c", script, "sh", file, url]);
  const exit = await shell.exited;
  const at = stage.clock.now();
  if (exit.code !== 0) throw shell.failure("failed");
  return { at, cpuSeconds: cpuSecondsTold(shell.lines.map(({ text }) => text)), startCpuSeconds: undefined };
}

/** Of `times` (POSIX): user and system time of the shell, below them those of what it ran, each as `0m0.05s`. */
export function cpuSecondsTold(lines: readonly string[]): number {
  const told = [...lines.join("\n").matchAll(/(\d+)m([\d.]+)s/g)];
  if (told.length !== 4) throw new RangeError(`times tells: ${lines.join("; ")}`);
  return told.reduce((sum, [, minutes, seconds]) => sum + 60 * Number(minutes) + Number(seconds), 0);
}
