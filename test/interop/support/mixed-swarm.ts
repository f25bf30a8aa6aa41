import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { asPrefixOptions, complete, startPeer, startTracker, stopPeer } from "./cachetorrent.ts";
import { aria2 } from "./clients/aria2.ts";
import { libtorrent } from "./clients/libtorrent.ts";
import type { RunningClient, StockClient } from "./clients/stock-client.ts";
import { transmission } from "./clients/transmission.ts";
import { type Host, type Lab, prefixesOf } from "./lab.ts";
import { type MadeTorrent, makeTorrent } from "./torrents.ts";
import { readTrace, type Shape, type TraceLine } from "./trace.ts";

export interface MixedPlan extends Shape {
  /** Options of the tracker. */
  readonly policy: readonly string[];
  readonly sites: readonly number[];
  readonly seedSite: number;
  readonly leadersPerSite: number;
  readonly followersPerSite: number;
  /** These are there before our peers, which dial them. */
  readonly early: readonly StockPlan[];
  /** These come after our peers, and dial them. */
  readonly late: readonly StockPlan[];
}

interface StockPlan {
  readonly client: StockClient;
  readonly site: number;
}

/** In each site an aria2 and a libtorrent, and one Transmission. That moves no data for its first 14 s: it is the first to start. */
export const THREE_SITES = {
  sites: [1, 2, 3],
  seedSite: 1,
  early: [
    { client: transmission, site: 2 },
    { client: libtorrent, site: 1 },
    { client: libtorrent, site: 2 },
    { client: aria2, site: 3 },
  ],
  late: [
    { client: aria2, site: 1 },
    { client: aria2, site: 2 },
    { client: libtorrent, site: 3 },
  ],
  length: 8_000_003,
  pieceLength: 64 * 1024,
} satisfies Partial<MixedPlan>;

/** A leecher of ours that has completed and stopped: its final account, and all that it said and heard. */
export interface OurLeecher {
  readonly name: string;
  readonly asn: number;
  readonly dir: string;
  readonly account: LedgerTorrent;
  readonly trace: readonly TraceLine[];
}

export interface StockLeecher {
  readonly name: string;
  readonly asn: number;
  readonly address: string;
  readonly dir: string;
}

export interface MixedSwarm {
  readonly torrent: MadeTorrent;
  readonly ours: readonly OurLeecher[];
  readonly stock: readonly StockLeecher[];
}

const TRACKER_SITE = 200;
/** The seed sends every piece about once, and the leechers have to get along with each other. */
const SEED_UP = "1MB/s";
const LEECHER_UP = 1_500_000;
/** The election waits for all of ours: who starts first shall not lead for that. */
const DEADLINE_S = 60;

/** Runs a swarm of ours and stock clients until everybody is complete. The seed comes last: all begin with nothing. */
export async function runMixedSwarm(lab: Lab, plan: MixedPlan): Promise<MixedSwarm> {
  const { followersPerSite, leadersPerSite, length, pieceLength, seedSite, sites } = plan;
  const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
  const leecherCount = sites.length * (leadersPerSite + followersPerSite);
  const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, [
    ...asPrefixOptions(prefixesOf(sites)),
    ...plan.policy,
    ...["--quorum", String(leecherCount), "--deadline", String(DEADLINE_S)],
  ]);
  const source = await lab.addDir("source");
  const torrent = await makeTorrent(source, { name: "mixed", tracker, content: length, pieceLength });

  const early = await startStock(plan.early);
  const ours = await startOurs();
  const late = await startStock(plan.late);
  const seedHost = await lab.addHost("seed", seedSite);
  const seed = await startPeer(seedHost, seedHost.ipv4, [torrent], source, [
    ...["--no-candidate", "--limit-up", SEED_UP],
  ]);

  const stock = [...early, ...late];
  await Promise.all([
    ...ours.map(({ peer }) => complete(peer, torrent)),
    ...stock.map(({ running }) => running.complete(torrent)),
  ]);
  await Promise.all([seed, ...ours.map(({ peer }) => peer)].map(stopPeer));
  return { torrent, stock, ours: await Promise.all(ours.map(accountOf)) };

  async function startStock(
    which: readonly StockPlan[],
  ): Promise<(StockLeecher & { running: RunningClient })[]> {
    const hosts: Host[] = [];
    for (const { client, site } of which) hosts.push(await lab.addHost(`${client.name}${site}`, site));
    return Promise.all(
      which.map(async ({ client }, at) => {
        const { asn, dir, ipv4: address, name } = hosts[at] as Host;
        const downloads = path.join(dir, "downloads");
        await mkdir(downloads);
        const limits = { up: LEECHER_UP };
        const running = await client.start(hosts[at] as Host, "leecher", downloads, [torrent], limits);
        return { name, asn, address, dir: downloads, running };
      }),
    );
  }

  async function startOurs(): Promise<{ host: Host; peer: PeerProcess }[]> {
    const leaderHosts: Host[] = [];
    const followerHosts: Host[] = [];
    for (const site of sites) {
      for (let at = 1; at <= leadersPerSite; at++)
        leaderHosts.push(await lab.addHost(`lead${site}${at}`, site));
      for (let at = 1; at <= followersPerSite; at++)
        followerHosts.push(await lab.addHost(`foll${site}${at}`, site));
    }
    const start = async (host: Host, options: readonly string[]) => {
      const peer = await startPeer(host, host.ipv4, [torrent], path.join(host.dir, "downloads"), [
        // Whom they dial is told by the traces: a stock client would name others to them.
        "--no-pex",
        ...["--limit-up", `${LEECHER_UP}B/s`, "--trace", traceOf(host)],
        ...options,
      ]);
      return { host, peer };
    };
    // The tracker tells leaders of no peers: they dial whom their followers ask for.
    const leaders = leaderHosts.map((host) => start(host, ["--capacity-up", "100MB/s", "--numwant", "0"]));
    return Promise.all([...leaders, ...followerHosts.map((host) => start(host, []))]);
  }

  async function accountOf({ host, peer }: { host: Host; peer: PeerProcess }): Promise<OurLeecher> {
    const account = await peer.ledger(torrent.infoHash);
    return { name: host.name, asn: host.asn, dir: peer.dir, account, trace: await readTrace(traceOf(host)) };
  }
}

function traceOf(host: Host): string {
  return path.join(host.dir, "trace.jsonl");
}
