import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { asPrefixOptions, complete, PLAIN, startPeer, startTracker } from "./support/cachetorrent.ts";
import { aria2 } from "./support/clients/aria2.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import type { RunningClient, StockClient } from "./support/clients/stock-client.ts";
import { transmission } from "./support/clients/transmission.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { FIXTURES, fixtureTorrent } from "./support/fixtures.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const CLIENTS = [aria2, libtorrent, transmission];
const OUR_SITE = 1;
const SEEDS_SITE = 2;
const LEECHERS_SITE = 3;
const TRACKER_SITE = 200;
const MANY_FILES = { "readme.txt": 1, "a/deep/er.bin": 3_000_001, "a/nothing": 0, "b.bin": 5_000_000 };

/**
 * All swarms run at once, for Transmission lets 14 s pass before it moves data: each client downloads torrents of its own from our
 * seed, seeds others to our leecher, and all meet in the swarms of the fixtures and of `mixed`.
 */
describeInLab("stock clients and ours through our tracker", commandsOf(CLIENTS), () => {
  let lab: Lab;
  let ourLeecher: PeerProcess;
  const running = new Map<StockClient, RunningClient>();
  const dirs = new Map<StockClient, string>();
  const fromUs = new Map<StockClient, MadeTorrent[]>();
  const toUs = new Map<StockClient, MadeTorrent[]>();
  const forAll: MadeTorrent[] = [];

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
    const sites = [OUR_SITE, SEEDS_SITE, LEECHERS_SITE];
    const { announceUrl: url } = await startTracker(trackerHost, trackerHost.ipv4, [
      ...PLAIN,
      ...asPrefixOptions(prefixesOf(sites)),
    ]);

    const ourSource = await lab.addDir("our-source");
    for (const client of CLIENTS) {
      fromUs.set(client, await makePair(ourSource, url, `from us to ${client.name}`));
      const source = await lab.addDir(`source-of-${client.name}`);
      const pair = await makePair(source, url, `from ${client.name} to us`);
      toUs.set(client, pair);
      await client.start(await lab.addHost(`${client.name}-seed`, SEEDS_SITE), "seed", source, pair);
    }
    forAll.push(await makeTorrent(ourSource, { name: "mixed", tracker: url, content: 12_000_000 }));
    for (const name of FIXTURES) forAll.push(await fixtureTorrent(name, ourSource, url));

    const ours = [...fromUs.values()].flat().concat(forAll);
    const seedHost = await lab.addHost("our-seed", OUR_SITE);
    await startPeer(seedHost, seedHost.ipv4, ours, ourSource);
    const leecherHost = await lab.addHost("our-leecher", OUR_SITE);
    const theirs = [...toUs.values()].flat().concat(forAll);
    ourLeecher = await startPeer(leecherHost, leecherHost.ipv4, theirs, await lab.addDir("our-downloads"));

    for (const client of CLIENTS) {
      const downloads = await lab.addDir(`downloads-of-${client.name}`);
      const torrents = [...(fromUs.get(client) ?? []), ...forAll];
      const host = await lab.addHost(`${client.name}-leecher`, LEECHERS_SITE);
      running.set(client, await client.start(host, "leecher", downloads, torrents));
      dirs.set(client, downloads);
    }
  });
  afterAll(() => lab?.close());

  for (const client of CLIENTS) {
    describe(client.name, () => {
      test("downloads a single-file and a multi-file torrent from our seed", async () => {
        await expectComplete(client, fromUs.get(client) ?? []);
      });

      test("seeds a single-file and a multi-file torrent to our leecher", async () => {
        for (const torrent of toUs.get(client) ?? []) {
          await complete(ourLeecher, torrent);
          await expectSameContent(torrent, ourLeecher.dir);
        }
      });

      test("completes in one swarm with ours and the other clients, and so do the fixtures", async () => {
        await expectComplete(client, forAll);
      });
    });
  }

  test("our leecher completes in the swarms it shares with all of them", async () => {
    for (const torrent of forAll) {
      await complete(ourLeecher, torrent);
      await expectSameContent(torrent, ourLeecher.dir);
    }
  });

  async function expectComplete(client: StockClient, torrents: readonly MadeTorrent[]): Promise<void> {
    expect(torrents.length).toBeGreaterThan(0);
    for (const torrent of torrents) {
      await running.get(client)?.complete(torrent);
      const without = client.writesEmptyFiles ? [] : torrent.emptyPaths;
      await expectSameContent(torrent, dirs.get(client) as string, without);
    }
  }
});

function commandsOf(clients: readonly StockClient[]): string[] {
  return clients.flatMap((client) => client.commands);
}

async function makePair(dir: string, tracker: string, name: string): Promise<MadeTorrent[]> {
  return [
    await makeTorrent(dir, { name: `${name}, one file`, tracker, content: 8_000_007 }),
    await makeTorrent(dir, { name: `${name}, many files`, tracker, content: MANY_FILES }),
  ];
}
