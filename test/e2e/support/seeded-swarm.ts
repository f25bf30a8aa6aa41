import { join } from "node:path";
import {
  type Content,
  createTorrent,
  type PeerProcess,
  startPeerProcess,
  startTrackerProcess,
} from "@cachetorrent/testbed";
import { AS1, AS2, type Bench, makeContent } from "./e2e.ts";

export interface SeededSwarm {
  readonly content: Content;
  /** Its file. */
  readonly torrent: string;
  startSeed(name: string, args?: readonly string[]): Promise<PeerProcess>;
}

/** A tracker and a torrent, of which somebody may be started who has the content. */
export async function makeSeededSwarm(
  bench: Bench,
  bytes: number,
  options: { readonly firstBytes?: number } = {},
): Promise<SeededSwarm> {
  const { dir, launcher } = bench;
  const content = await makeContent(bench, { bytes, ...options });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy: "bittorrent" });
  const torrent = join(dir, "content.torrent");
  await createTorrent(content, tracker.announceUrl, torrent);
  const startSeed = (name: string, args: readonly string[] = []) =>
    startPeerProcess(launcher, {
      name,
      torrentFiles: [torrent],
      dir: content.parent,
      listen: "127.1.0.1:0",
      ledgerFile: join(dir, `${name}.json`),
      args,
    });
  return { content, torrent, startSeed };
}
