import { join } from "node:path";
import type { InfoHash, PolicyName } from "@cachetorrent/protocol";
import {
  type Content,
  createTorrent,
  type PeerProcess,
  startPeerProcess,
  startTrackerProcess,
} from "@cachetorrent/testbed";
import { AS1, AS2, type Bench, makeContent } from "./e2e.ts";

/** A tracker of two ASes and a torrent, whose peers are still to be started. */
export interface TwoAses {
  readonly content: Content;
  readonly infoHash: InfoHash;
  /** Starts a peer with more options; the one called `seed` has the content. */
  start(name: string, listen: string, args?: readonly string[]): Promise<PeerProcess>;
}

export async function twoAses(bench: Bench, bytes: number, policy: PolicyName): Promise<TwoAses> {
  const { dir, launcher } = bench;
  const content = await makeContent(bench, { bytes });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2], policy });
  const torrent = join(dir, "content.torrent");
  const infoHash = await createTorrent(content, tracker.announceUrl, torrent);
  const start = (name: string, listen: string, args: readonly string[] = []) =>
    startPeerProcess(launcher, {
      name,
      torrentFiles: [torrent],
      dir: name === "seed" ? content.parent : join(dir, name),
      listen,
      ledgerFile: join(dir, `${name}.json`),
      args,
    });
  return { content, infoHash, start };
}
