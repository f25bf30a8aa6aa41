import path from "node:path";
import { UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asPrefixOptions, receivedByAsn, startPeer, startTracker } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab, prefixesOf } from "./support/lab.ts";
import {
  accountsOf,
  copiesFromOutside,
  expectOnce,
  expectThroughLeader,
  type SiteAccounts,
} from "./support/site-accounts.ts";
import { changeTorrent, makeTorrent } from "./support/torrents.ts";

const PORT = 6881;
const OUR_SITE = 1;
const SEED_SITE = 2;
const MEMBERS = 3;
const LENGTH = 12_000_000;
/** So slow that peers are at it when they tell each other of whom they know. */
const SEED_RATE = 2_000_000;

/** The tracker has never heard of the seed, but knows by its prefix in which AS it is. */
describeInLab(
  "a site whose tracker does not know the only seed, libtorrent's outside",
  libtorrent.commands,
  () => {
    let lab: Lab;
    let node: Host;
    beforeAll(async () => {
      lab = await Lab.open();
      node = await lab.addHost("node", 9);
      const source = await lab.addDir("source-of-node");
      const another = await makeTorrent(source, { name: "another", content: 100_000 });
      await startPeer(node, node.ipv4, [another], source, dht(), PORT);
    });
    afterAll(() => lab?.close());

    const nodeAt = () => `${node.ipv4}:${PORT}`;
    const dht = () => ["--dht", "--dht-bootstrap", nodeAt()];

    /** The accounts of its members when all are complete. */
    async function runSite(policy: string): Promise<SiteAccounts> {
      const trackerHost = await lab.addHost(`tracker-${policy}`, 200);
      const prefixes = asPrefixOptions(prefixesOf([OUR_SITE, SEED_SITE]));
      const options = ["--policy", policy, ...prefixes];
      const { announceUrl } = await startTracker(trackerHost, trackerHost.ipv4, options);
      const source = await lab.addDir(`source-${policy}`);
      const torrent = await makeTorrent(source, { name: `under ${policy}`, content: LENGTH });
      const seedHost = await lab.addHost(`seed-${policy}`, SEED_SITE);
      await startLibtorrent(seedHost, "seed", source, [torrent], {
        enable_dht: 1,
        dht_bootstrap_nodes: nodeAt(),
        upload_rate_limit: SEED_RATE,
      });

      const tracked = { ...torrent, file: path.join(lab.dir, `${policy}.torrent`) };
      await changeTorrent(torrent.file, { announce: announceUrl }, tracked.file);
      const peers: PeerProcess[] = [];
      for (let number = 1; number <= MEMBERS; number++) {
        const host = await lab.addHost(`${policy}${number}`, OUR_SITE);
        const downloads = path.join(host.dir, "downloads");
        peers.push(await startPeer(host, host.ipv4, [tracked], downloads, dht()));
      }
      return accountsOf({ site: OUR_SITE, length: LENGTH }, peers, torrent);
    }

    test("finds it by the DHT, and under cache its leader alone has anything from there", async () => {
      expectThroughLeader(await runSite("cache"));
    });

    test("finds it by the DHT, and under coordinated each piece comes in once", async () => {
      expectOnce(await runSite("coordinated"));
    });
  },
);

/** Multicast reaches who is on one host: the members share its address, and the seed has one of its own there. */
describeInLab(
  "a site whose only seed, libtorrent's, is known by local discovery alone",
  libtorrent.commands,
  () => {
    const NOWHERE = 3;
    let lab: Lab;
    beforeAll(async () => {
      lab = await Lab.open();
    });
    afterAll(() => lab?.close());

    /** The accounts of its members when all are complete; the seed has an address of that site. */
    async function runSite(policy: string, seedSite: number): Promise<SiteAccounts> {
      const name = `${policy}${seedSite}`;
      const trackerHost = await lab.addHost(`tracker-${name}`, 200);
      const prefixes = asPrefixOptions(prefixesOf([OUR_SITE, SEED_SITE]));
      const options = ["--policy", policy, ...prefixes];
      const { announceUrl } = await startTracker(trackerHost, trackerHost.ipv4, options);
      const source = await lab.addDir(`source-${name}`);
      const torrent = await makeTorrent(source, { name, content: LENGTH });
      const host = await lab.addHost(`site-${name}`, OUR_SITE);
      const seedAddress = await lab.addAddress(host, seedSite);
      await startLibtorrent(host, "seed", source, [torrent], {
        enable_lsd: 1,
        listen_interfaces: `${seedAddress}:${PORT}`,
        // Or the kernel would take the members' address to dial them by.
        outgoing_interfaces: seedAddress,
        upload_rate_limit: SEED_RATE,
      });

      const tracked = { ...torrent, file: path.join(lab.dir, `${name}.torrent`) };
      await changeTorrent(torrent.file, { announce: announceUrl }, tracked.file);
      const peers: PeerProcess[] = [];
      for (let number = 1; number <= MEMBERS; number++) {
        const place = host.another(`member${number}`);
        const downloads = path.join(place.dir, "downloads");
        const found = ["--local-discovery", "--no-pex"];
        peers.push(await startPeer(place, host.ipv4, [tracked], downloads, found));
      }
      return accountsOf({ site: OUR_SITE, length: LENGTH }, peers, torrent);
    }

    test.concurrent("and of another AS: under cache its leader alone has anything from there", async () => {
      expectThroughLeader(await runSite("cache", SEED_SITE));
    });

    test.concurrent("and of another AS: under coordinated each piece comes in once", async () => {
      expectOnce(await runSite("coordinated", SEED_SITE));
    });

    test.concurrent("and of no AS that the tracker knows: under coordinated each piece comes in once", async () => {
      const site = await runSite("coordinated", NOWHERE);
      expectOnce(site);
      expect(site.accounts.flatMap((account) => [...receivedByAsn(account).keys()])).toContain(UNKNOWN_ASN);
    });

    test.concurrent("and of their own AS by its prefix: under coordinated it is one of their own", async () => {
      const site = await runSite("coordinated", OUR_SITE);
      expect(copiesFromOutside(site)).toEqual(site.accounts.map(() => 0));
    });
  },
);
