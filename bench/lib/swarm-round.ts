import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { findDifference, freePort } from "@cachetorrent/testbed";
import type { Stage } from "./bench.ts";
import type { Client, RunningClient } from "./clients/client.ts";
import { GateTracker } from "./gate-tracker.ts";
import { usageOf } from "./process-usage.ts";
import { type Hashed, setPageCache, writeTorrent } from "./torrents.ts";

export interface SwarmPlan {
  readonly client: Client;
  /** In whose folder the content lies. */
  readonly seedDir: string;
  readonly content: Hashed;
  readonly pageCache: "warm" | "cold";
  readonly leechers: number;
}

/** What one process took from the tracker's answer to the last completion, and what it had taken before. */
export interface ProcessFigures {
  readonly cpuSeconds: number;
  readonly startCpuSeconds: number;
  readonly peakBytes: number;
}

export interface LeecherFigures extends ProcessFigures {
  /** From the tracker's answer until the client said that it has everything. */
  readonly seconds: number;
}

export interface SwarmFigures {
  readonly seed: ProcessFigures;
  readonly leechers: readonly LeecherFigures[];
}

/** No client is that slow. */
const CEILING_MS = 600_000;

/** One seed, some leechers, all of one client, each at an address of its own; what they downloaded is compared with the original. */
export async function runSwarm(stage: Stage, plan: SwarmPlan): Promise<SwarmFigures> {
  const { client, content, seedDir } = plan;
  const dir = join(stage.dir, "round");
  const tracker = await GateTracker.start(stage.clock);
  const torrentFile = join(dir, "content.torrent");
  await writeTorrent(torrentFile, content, tracker);
  const original = join(seedDir, content.name);
  const running: RunningClient[] = [];
  const start = async (role: "seed" | "leecher", at: number, where: string): Promise<RunningClient> => {
    const [name, address] = [`${client.name} ${role} ${at}`, `127.0.0.${10 + at}`];
    await mkdir(where, { recursive: true });
    const port = await freePort(address);
    const one = await client.start(stage, { name, role, address, port, dir: where, torrentFile });
    running.push(one);
    return one;
  };
  const folders = Array.from({ length: plan.leechers }, (_, at) => join(dir, `leecher-${at}`, "content"));
  try {
    // What an earlier round wrote must not be written to disk during this one.
    await setPageCache(original, "warm");
    const seed = await start("seed", 0, seedDir);
    await tracker.seeds(1);
    const leechers = await Promise.all(folders.map((folder, at) => start("leecher", at + 1, folder)));
    await tracker.leechersWaiting(plan.leechers);
    // Last: it may have read the file when it started.
    await setPageCache(original, plan.pageCache);
    const before = await Promise.all([seed, ...leechers].map(usageNow));
    const openedAt = tracker.open();
    const times = await Promise.all(
      leechers.map(async (leecher) => {
        await leecher.complete(CEILING_MS);
        return (stage.clock.now() - openedAt) / 1000;
      }),
    );
    const after = await Promise.all([seed, ...leechers].map(usageNow));
    const [ofSeed, ...ofLeechers] = after.map(({ cpuSeconds, peakBytes }, at) => {
      const startCpuSeconds = before[at]?.cpuSeconds ?? 0;
      return { cpuSeconds: cpuSeconds - startCpuSeconds, startCpuSeconds, peakBytes };
    });
    await Promise.all(running.splice(0).map((one) => one.daemon.stop()));
    await compare(seedDir, folders, content);
    return {
      seed: ofSeed as ProcessFigures,
      leechers: ofLeechers.map((one, at) => ({ ...one, seconds: times[at] ?? Number.NaN })),
    };
  } finally {
    await Promise.all(running.map((one) => one.daemon.stop()));
    tracker.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

function usageNow({ daemon }: RunningClient): ReturnType<typeof usageOf> {
  if (daemon.pid === undefined) throw new Error(`${daemon.name} does not run`);
  return usageOf(daemon.pid);
}

async function compare(seedDir: string, folders: readonly string[], content: Hashed): Promise<void> {
  for (const folder of folders) {
    const files = [{ path: content.name, bytes: content.length }];
    const difference = await findDifference(seedDir, folder, files);
    if (difference !== undefined) throw new Error(`the content has changed on its way: ${difference}`);
  }
}
