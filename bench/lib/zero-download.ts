import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import type { DaemonProcess } from "@cachetorrent/testbed";
import type { Stage } from "./bench.ts";
import { dial, type RawPeer } from "./raw-peer.ts";
import { type Hashed, writeTorrent } from "./torrents.ts";
import { usageNow } from "./waiting.ts";

export interface ZeroDownloadPlan {
  readonly content: Hashed;
  /** Blocks after which counting begins, and how many are counted. */
  readonly warmUp: number;
  readonly blocks: number;
  /** Happens before the leecher meets the seed. */
  beforeSeed?(leecher: Leecher): Promise<void>;
}

export interface Leecher {
  readonly daemon: DaemonProcess;
  readonly endpoint: string;
  readonly infoHash: InfoHash;
}

export interface ZeroDownload {
  /** From the start of the process until it asked for its first block. */
  readonly readySeconds: number;
  readonly cpuMicrosPerBlock: number;
  readonly blocksPerSecond: number;
  readonly peakBytes: number;
}

const CEILING_MS = 120_000;

/** Our peer as a leecher that has nothing, of a torrent of zeroes, which one raw seed gives it as fast as it asks. */
export async function downloadZeroes(stage: Stage, plan: ZeroDownloadPlan): Promise<ZeroDownload> {
  const { clock } = stage;
  const startedAt = clock.now();
  const leecher = await startPeer(stage, "leecher", plan.content);
  const { daemon, endpoint, infoHash } = leecher;
  const mark = async () => ({ ...(await usageNow(daemon)), at: clock.now() });
  const marks: ReturnType<typeof mark>[] = [];
  const counted = Promise.withResolvers<void>();
  let readyAt = 0;
  let seed: RawPeer | undefined;
  try {
    await plan.beforeSeed?.(leecher);
    seed = await dial(clock, {
      ...{ endpoint, infoHash, localAddress: "127.0.0.2", holds: "everything", serves: true },
      onRequest: (before) => {
        if (before === 0) readyAt = clock.now();
        if (before === plan.warmUp || before === plan.warmUp + plan.blocks) marks.push(mark());
        if (marks.length === 2) counted.resolve();
      },
    });
    const ceiling = clock.after(CEILING_MS, () => counted.reject(daemon.failure("asks for no more blocks")), {
      keepAlive: true,
    });
    await counted.promise.finally(() => ceiling.cancel());
    const [from, to] = await Promise.all(marks);
    if (!from || !to) throw new Error("the blocks were not counted");
    return {
      readySeconds: (readyAt - startedAt) / 1000,
      cpuMicrosPerBlock: ((to.cpuSeconds - from.cpuSeconds) * 1e6) / plan.blocks,
      blocksPerSecond: plan.blocks / ((to.at - from.at) / 1000),
      peakBytes: to.peakBytes,
    };
  } finally {
    seed?.close();
    await daemon.stop();
    // The next one is to find nothing.
    await rm(join(stage.dir, "leecher"), { recursive: true, force: true });
  }
}

/** Our peer with one torrent, of which it has what lies in the folder of its name. It may have as many connections as it likes. */
export async function startPeer(stage: Stage, name: string, content: Hashed): Promise<Leecher> {
  const dir = join(stage.dir, name);
  const torrentFile = join(dir, `${content.name}.torrent`);
  const infoHash = await writeTorrent(torrentFile, content);
  await mkdir(join(dir, "content"), { recursive: true });
  const daemon = await stage.start(name, stage.program, [
    ...["peer", torrentFile],
    ...["--dir", join(dir, "content")],
    ...["--state", join(dir, "state")],
    ...["--listen", "127.0.0.1:0"],
    ...["--max-connections", "3000"],
    ...["--max-connections-torrent", "3000"],
    ...["--log-level", "error"],
    "--json",
  ]);
  const { endpoint } = await daemon.waitFor("listening", { timeoutMs: CEILING_MS });
  return { daemon, endpoint: String(endpoint), infoHash };
}
