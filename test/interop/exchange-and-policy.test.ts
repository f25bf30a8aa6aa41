import path from "node:path";
import type { LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, test } from "vitest";
import { startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import {
  accountsOf,
  expectOnce,
  expectThroughLeader,
  MEMBERS,
  makeUntold,
  OUR_SITE,
  PORT,
  SEED_RATE,
  SEED_SITE,
} from "./support/untold-seed.ts";

/** What comes to whoever tells the members of the seed: so slow that it has next to nothing for them. */
const GOSSIP_RATE = 20_000;
/** The rest may be the gossip's. */
const LEAST_COPIES = 0.8;

/** The tracker has never heard of the seed, but knows by its prefix in which AS it is. */
describeInLab(
  "a site in which libtorrent alone knows the only seed, outside, and tells of it by peer exchange",
  libtorrent.commands,
  () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await Lab.open();
    });
    afterAll(() => lab?.close());

    /** The accounts of its members when all are complete. */
    async function runSite(policy: string): Promise<LedgerTorrent[]> {
      const { announceUrl, source, torrent, tracked } = await makeUntold(lab, policy);
      const seedHost = await lab.addHost(`seed-${policy}`, SEED_SITE);
      await startLibtorrent(seedHost, "seed", source, [torrent], { upload_rate_limit: SEED_RATE });

      const gossipHost = await lab.addHost(`gossip-${policy}`, OUR_SITE);
      const link = `magnet:?xt=urn:btih:${torrent.infoHash}&tr=${encodeURIComponent(announceUrl)}&x.pe=${seedHost.ipv4}:${PORT}`;
      const linked = [{ ...torrent, file: link }];
      const downloads = await lab.addDir(`gossip-files-${policy}`);
      const settings = { download_rate_limit: GOSSIP_RATE };
      const gossip = await startLibtorrent(gossipHost, "leecher", downloads, linked, settings);
      await gossip.dialled(1);

      const peers: PeerProcess[] = [];
      for (let number = 1; number <= MEMBERS; number++) {
        const host = await lab.addHost(`${policy}${number}`, OUR_SITE);
        peers.push(await startPeer(host, host.ipv4, [tracked], path.join(host.dir, "downloads")));
      }
      return accountsOf(peers, torrent);
    }

    test.concurrent("under cache its leader alone has anything from there", async () => {
      expectThroughLeader(await runSite("cache"), LEAST_COPIES);
    });

    test.concurrent("under coordinated each piece comes in once", async () => {
      expectOnce(await runSite("coordinated"), LEAST_COPIES);
    });
  },
);
