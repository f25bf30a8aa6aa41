import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asPrefixOptions, complete, startPeer, startTracker } from "./support/cachetorrent.ts";
import { aria2 } from "./support/clients/aria2.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import { OVER_IPV6 } from "./support/clients/over-ipv6.ts";
import type { RunningClient, StockClient } from "./support/clients/stock-client.ts";
import { transmission } from "./support/clients/transmission.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

/** Transmission takes no magnet link from its watched directory. */
const SWARMS = {
  ipv4: { stockSeeds: [aria2, libtorrent, transmission], stockLeechers: [aria2, libtorrent] },
  ipv6: { stockSeeds: OVER_IPV6, stockLeechers: OVER_IPV6 },
} as const;
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

/**
 * Under `coordinated`, our tracker's default: whoever has no metadata is a stock client to it, and a member after. No host, nor the tracker, has an
 * address of another family.
 */
describe.each(["ipv4", "ipv6"] as const)("over %s", (family) => {
  const { stockLeechers, stockSeeds } = SWARMS[family];
  const commands = stockSeeds.flatMap((client) => client.commands);
  describeInLab("metadata by magnet link, of stock clients and ours", commands, () => {
    let lab: Lab;
    let url: string;
    let ourLeecher: PeerProcess;
    const ofSeeds = new Map<StockClient, MadeTorrent>();
    let ours: MadeTorrent;
    const leechers = new Map<StockClient, { readonly client: RunningClient; readonly dir: string }>();

    beforeAll(async () => {
      lab = await Lab.open();
      const addHost = (name: string, site: number) => lab.addHost(name, site, [family]);
      const trackerHost = await addHost("tracker", TRACKER_SITE);
      const prefixes = asPrefixOptions(prefixesOf([OUR_SITE, SEEDS_SITE, LEECHERS_SITE]));
      url = (await startTracker(trackerHost, trackerHost[family], prefixes)).announceUrl;
      for (const client of stockSeeds) {
        const source = await lab.addDir(`source-of-${client.name}`);
        const torrent = await make(source, `from ${client.name}`);
        ofSeeds.set(client, torrent);
        const host = await addHost(`${client.name}-seed`, SEEDS_SITE);
        await client.start(host, "seed", source, [torrent]);
      }
      const ourSource = await lab.addDir("our-source");
      ours = await make(ourSource, "from us");
      const seedHost = await addHost("our-seed", OUR_SITE);
      await startPeer(seedHost, seedHost[family], [ours], ourSource);

      const leecherHost = await addHost("our-leecher", OUR_SITE);
      const links = [...ofSeeds.values(), ours].map((torrent) => byMagnet(torrent, url));
      ourLeecher = await startPeer(
        leecherHost,
        leecherHost[family],
        links,
        await lab.addDir("our-downloads"),
      );
      for (const client of stockLeechers) {
        const downloads = await lab.addDir(`downloads-of-${client.name}`);
        const host = await addHost(`${client.name}-leecher`, LEECHERS_SITE);
        const started = await client.start(host, "leecher", downloads, [byMagnet(ours, url)]);
        leechers.set(client, { client: started, dir: downloads });
      }
    });
    afterAll(() => lab?.close());

    const make = (source: string, name: string) =>
      makeTorrent(source, { name, tracker: url, content: CONTENT });

    for (const client of stockSeeds) {
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

    for (const client of stockLeechers) {
      test(`${client.name} gets it from ours, and then the content`, async () => {
        const leecher = leechers.get(client);
        await leecher?.client.complete(ours);
        await expectSameContent(ours, leecher?.dir as string);
      });
    }
  });
});
