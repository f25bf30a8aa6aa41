import path from "node:path";
import type { PolicyName } from "@cachetorrent/protocol";
import type { LedgerTorrent } from "@cachetorrent/testbed";
import { type BorderCount, BorderMeter } from "./border-meter.ts";
import { asPrefixOptions, complete, startPeer, startTracker, stopPeer } from "./cachetorrent.ts";
import { type Lab, prefixesOf } from "./lab.ts";
import { type MadeTorrent, makeTorrent } from "./torrents.ts";

export interface MeteredPlan {
  readonly policy: PolicyName;
  /** Further options of the tracker. */
  readonly options: readonly string[];
  /** The first peer of the first site is the seed. */
  readonly sites: readonly number[];
  readonly peersPerSite: number;
  readonly length: number;
  /** Of each peer, the seed too. */
  readonly limitUp: string;
}

/** What two sides say of the bytes of one AS. */
export interface MeteredSite {
  readonly site: number;
  /** The final accounts of its peers. */
  readonly ledgers: readonly LedgerTorrent[];
  readonly kernel: BorderCount;
}

export interface MeteredSwarm {
  readonly torrent: MadeTorrent;
  readonly leechers: readonly { readonly name: string; readonly dir: string }[];
  readonly sites: readonly MeteredSite[];
}

const TRACKER_SITE = 200;

/** Runs a swarm of sites behind metered borders until everybody is complete and has stopped. The tracker's bytes are left out. */
export async function runMeteredSwarm(lab: Lab, plan: MeteredPlan): Promise<MeteredSwarm> {
  const { length, limitUp, options, peersPerSite, policy, sites } = plan;
  const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
  const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, [
    ...asPrefixOptions(prefixesOf(sites)),
    ...["--policy", policy, "--quorum", String(sites.length * peersPerSite)],
    ...options,
  ]);
  const source = await lab.addDir("source");
  const torrent = await makeTorrent(source, { name: "metered", tracker, content: length });

  const metered = [];
  for (const site of sites) {
    const names = Array.from({ length: peersPerSite }, (_, at) => `peer${site}${at + 1}`);
    const { border, hosts } = await lab.addBorderedHosts(names, site);
    metered.push({ site, hosts, meter: await BorderMeter.install(border, [trackerHost.ipv4]) });
  }
  const hosts = metered.flatMap((one) => one.hosts);
  const peers = await Promise.all(
    hosts.map((host, at) => {
      const dir = at === 0 ? source : path.join(host.dir, "downloads");
      return startPeer(host, host.ipv4, [torrent], dir, ["--limit-up", limitUp]);
    }),
  );
  const leechers = peers.slice(1);
  await Promise.all(leechers.map((peer) => complete(peer, torrent)));
  // One after another, so that every connection is closed by one side while the other still counts.
  for (const peer of peers) await stopPeer(peer);

  return {
    torrent,
    leechers,
    sites: await Promise.all(
      metered.map(async ({ site, meter }, at) => {
        const inside = peers.slice(at * peersPerSite, (at + 1) * peersPerSite);
        const ledgers = await Promise.all(inside.map((peer) => peer.ledger(torrent.infoHash)));
        return { site, ledgers, kernel: await meter.read() };
      }),
    ),
  };
}
