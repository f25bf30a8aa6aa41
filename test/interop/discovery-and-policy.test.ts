import path from "node:path";
import { UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { DaemonEvent, LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { receivedByAsn, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { makeTorrent } from "./support/torrents.ts";
import {
  accountsOf,
  bytesFromOutside,
  expectOnce,
  expectThroughLeader,
  MEMBERS,
  makeUntold,
  OUR_SITE,
  PORT,
  SEED_RATE,
  SEED_SITE,
} from "./support/untold-seed.ts";

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
    async function runSite(policy: string): Promise<LedgerTorrent[]> {
      const { source, torrent, tracked } = await makeUntold(lab, policy);
      const seedHost = await lab.addHost(`seed-${policy}`, SEED_SITE);
      await startLibtorrent(seedHost, "seed", source, [torrent], {
        enable_dht: 1,
        dht_bootstrap_nodes: nodeAt(),
        // Its first word may be lost, and 15 minutes are too long to wait for the next.
        dht_announce_interval: 10,
        upload_rate_limit: SEED_RATE,
      });

      const peers: PeerProcess[] = [];
      for (let number = 1; number <= MEMBERS; number++) {
        const host = await lab.addHost(`${policy}${number}`, OUR_SITE);
        const downloads = path.join(host.dir, "downloads");
        peers.push(await startPeer(host, host.ipv4, [tracked], downloads, dht()));
      }
      return accountsOf(peers, torrent);
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
    async function runSite(policy: string, seedSite: number): Promise<LedgerTorrent[]> {
      const name = `${policy}${seedSite}`;
      const { source, torrent, tracked } = await makeUntold(lab, policy, name);
      const host = await lab.addHost(`site-${name}`, OUR_SITE);
      const seedAddress = await lab.addAddress(host, seedSite);
      const peers: PeerProcess[] = [];
      for (let number = 1; number <= MEMBERS; number++) {
        const place = host.another(`member${number}`);
        const downloads = path.join(place.dir, "downloads");
        const found = ["--local-discovery", "--no-pex"];
        peers.push(await startPeer(place, host.ipv4, [tracked], downloads, found));
      }
      // The seed tells of itself in its first seconds, and again five minutes later. The members' own calls it does not
      // heed, having an address of another network.
      await Promise.all(peers.map(({ daemon }) => daemon.waitFor("progress", { accepts: isDownloading })));
      await startLibtorrent(host, "seed", source, [torrent], {
        enable_lsd: 1,
        listen_interfaces: `${seedAddress}:${PORT}`,
        // Or the kernel would take the members' address to dial them by.
        outgoing_interfaces: seedAddress,
        upload_rate_limit: SEED_RATE,
      });
      return accountsOf(peers, torrent);
    }

    test.concurrent("and of another AS: under cache its leader alone has anything from there", async () => {
      expectThroughLeader(await runSite("cache", SEED_SITE));
    });

    test.concurrent("and of another AS: under coordinated each piece comes in once", async () => {
      expectOnce(await runSite("coordinated", SEED_SITE));
    });

    test.concurrent("and of no AS that the tracker knows: under cache its leader alone has anything from there", async () => {
      const accounts = await runSite("cache", NOWHERE);
      expectThroughLeader(accounts);
      expect(accounts.flatMap((account) => [...receivedByAsn(account).keys()])).toContain(UNKNOWN_ASN);
    });

    test.concurrent("and of no AS that the tracker knows: under coordinated each piece comes in once", async () => {
      const accounts = await runSite("coordinated", NOWHERE);
      expectOnce(accounts);
      expect(accounts.flatMap((account) => [...receivedByAsn(account).keys()])).toContain(UNKNOWN_ASN);
    });

    test.concurrent("and of their own AS by its prefix: under coordinated it is one of their own", async () => {
      const accounts = await runSite("coordinated", OUR_SITE);
      expect(bytesFromOutside(accounts)).toEqual(accounts.map(() => 0));
    });
  },
);

function isDownloading({ torrents }: DaemonEvent): boolean {
  return (torrents as { readonly state: string }[]).every(({ state }) => state === "downloading");
}
