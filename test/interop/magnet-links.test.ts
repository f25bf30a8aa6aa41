import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asPrefixOptions, complete, startPeer, startTracker } from "./support/cachetorrent.ts";
import { aria2 } from "./support/clients/aria2.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import type { RunningClient, StockClient } from "./support/clients/stock-client.ts";
import { transmission } from "./support/clients/transmission.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const SEEDS = [aria2, libtorrent, transmission];
/** Transmission takes no magnet link from its watched directory. */
const LEECHERS = [aria2, libtorrent];
const OUR_SITE = 1;
const SEEDS_SITE = 2;
const LEECHERS_SITE = 3;
const TRACKER_SITE = 200;
/** By their long names, metadata of three pieces. libtorrent cuts names of over 240 characters. */
const CONTENT = Object.fromEntries(
  Array.from({ length: 170 }, (_, i) => [`${"n".repeat(200)}${i}`, 40_000 + i]),
);

/** As the torrent, for whoever knows only its info-hash and its tracker. */
function byMagnet(torrent: MadeTorrent, tracker: string): MadeTorrent {
  const link = `magnet:?xt=urn:btih:${torrent.infoHash}&dn=by%20magnet&tr=${encodeURIComponent(tracker)}`;
  return { ...torrent, file: link };
}

/** Under `coordinated`, our tracker's default: whoever has no metadata is a stock client to it, and a member after. */
describeInLab(
  "metadata by magnet link, of stock clients and ours",
  SEEDS.flatMap((client) => client.commands),
  () => {
    let lab: Lab;
    let url: string;
    let ourLeecher: PeerProcess;
    const ofSeeds = new Map<StockClient, MadeTorrent>();
    let ours: MadeTorrent;
    const leechers = new Map<StockClient, { readonly client: RunningClient; readonly dir: string }>();

    beforeAll(async () => {
      lab = await Lab.open();
      const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
      const prefixes = asPrefixOptions(prefixesOf([OUR_SITE, SEEDS_SITE, LEECHERS_SITE]));
      url = (await startTracker(trackerHost, trackerHost.ipv4, prefixes)).announceUrl;
      for (const client of SEEDS) {
        const source = await lab.addDir(`source-of-${client.name}`);
        const torrent = await make(source, `from ${client.name}`);
        ofSeeds.set(client, torrent);
        const host = await lab.addHost(`${client.name}-seed`, SEEDS_SITE);
        await client.start(host, "seed", source, [torrent]);
      }
      const ourSource = await lab.addDir("our-source");
      ours = await make(ourSource, "from us");
      const seedHost = await lab.addHost("our-seed", OUR_SITE);
      await startPeer(seedHost, seedHost.ipv4, [ours], ourSource);

      const leecherHost = await lab.addHost("our-leecher", OUR_SITE);
      const links = [...ofSeeds.values(), ours].map((torrent) => byMagnet(torrent, url));
      ourLeecher = await startPeer(leecherHost, leecherHost.ipv4, links, await lab.addDir("our-downloads"));
      for (const client of LEECHERS) {
        const downloads = await lab.addDir(`downloads-of-${client.name}`);
        const host = await lab.addHost(`${client.name}-leecher`, LEECHERS_SITE);
        const started = await client.start(host, "leecher", downloads, [byMagnet(ours, url)]);
        leechers.set(client, { client: started, dir: downloads });
      }
    });
    afterAll(() => lab?.close());

    const make = (source: string, name: string) =>
      makeTorrent(source, { name, tracker: url, content: CONTENT });

    for (const client of SEEDS) {
      test(`our leecher gets it from ${client.name}, and then the content`, async () => {
        const torrent = ofSeeds.get(client) as MadeTorrent;
        await complete(ourLeecher, torrent);
        await expectSameContent(torrent, ourLeecher.dir);
      });
    }

    test("our leecher gets it from our seed, and is a member of its AS after", async () => {
      await complete(ourLeecher, ours);
      await expectSameContent(ours, ourLeecher.dir);
      const { roles } = await ourLeecher.ledger(ours.infoHash);
      expect(roles.map(({ role }) => role)).toContain("member");
    });

    for (const client of LEECHERS) {
      test(`${client.name} gets it from ours, and then the content`, async () => {
        const leecher = leechers.get(client);
        await leecher?.client.complete(ours);
        await expectSameContent(ours, leecher?.dir as string);
      });
    }
  },
);
