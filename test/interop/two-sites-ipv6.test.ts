import path from "node:path";
import type { LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  asPrefixOptions,
  complete,
  PLAIN,
  receivedByAsn,
  startPeer,
  startTracker,
  stopPeer,
} from "./support/cachetorrent.ts";
import { OVER_IPV6 } from "./support/clients/over-ipv6.ts";
import type { RunningClient, StockClient } from "./support/clients/stock-client.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, Lab, prefixesOf } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const NEAR = 1;
const FAR = 2;
const LENGTH = 12_000_003;

/** A peer of ours that has stopped, and its final account. */
interface Member {
  readonly site: number;
  readonly peer: PeerProcess;
  readonly account: LedgerTorrent;
}

/** No host has an IPv4 address: tracker, peers, prefixes and peer lists have nothing but IPv6. */
describeInLab("two sites over IPv6 alone", [], () => {
  let lab: Lab;
  let tracker: string;
  let torrent: MadeTorrent;
  let seed: Member;
  let leechers: Member[];

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", 200, ["ipv6"]);
    const prefixes = asPrefixOptions(prefixesOf([NEAR, FAR]));
    ({ announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv6, [...PLAIN, ...prefixes]));
    const source = await lab.addDir("source");
    torrent = await makeTorrent(source, { name: "over-ipv6", tracker, content: LENGTH });

    // Slow enough that the far site's peers find pieces at each other before the seed has sent all of them to all.
    const seedPeer = await startAt("seed", NEAR, [torrent], source, ["--limit-up", "4MB/s"]);
    const peers = await Promise.all([
      startAt("near", NEAR, [torrent]),
      startAt("far-1", FAR, [torrent]),
      startAt("far-2", FAR, [torrent]),
      startAt("far-3", FAR, [torrent]),
    ]);
    await Promise.all(peers.map((peer) => complete(peer, torrent)));
    // One after another, so that every connection is closed by one side while the other still counts.
    for (const peer of [...peers, seedPeer]) await stopPeer(peer);
    seed = await memberOf(NEAR, seedPeer);
    leechers = await Promise.all(peers.map((peer, at) => memberOf(at === 0 ? NEAR : FAR, peer)));
  });
  afterAll(() => lab?.close());

  async function startAt(
    name: string,
    site: number,
    torrents: readonly MadeTorrent[],
    dir = path.join(lab.dir, `downloads-${name}`),
    options: readonly string[] = [],
  ): Promise<PeerProcess> {
    const host = await lab.addHost(name, site, ["ipv6"]);
    return startPeer(host, host.ipv6, torrents, dir, options);
  }

  async function memberOf(site: number, peer: PeerProcess): Promise<Member> {
    return { site, peer, account: await peer.ledger(torrent.infoHash) };
  }

  test("every peer has the content", async () => {
    for (const { peer } of leechers) await expectSameContent(torrent, peer.dir);
  });

  test("each peer learnt its AS by its IPv6 prefix", () => {
    for (const { site, peer, account } of [seed, ...leechers]) {
      expect(account.asn, peer.name).toBe(asnOf(site));
    }
  });

  test("each ledger has all of the content, by the two ASes it came from", () => {
    for (const { account } of leechers) {
      const received = receivedByAsn(account);
      expect([...received.keys()].filter((asn) => asn !== asnOf(NEAR) && asn !== asnOf(FAR))).toEqual([]);
      expect(sum(received.values())).toBeGreaterThanOrEqual(LENGTH);
    }
  });

  test("the far site received bytes across the border and bytes of its own", () => {
    const far = leechers.filter(({ site }) => site === FAR).map(({ account }) => receivedByAsn(account));
    expect(sum(far.map((received) => received.get(asnOf(NEAR)) ?? 0))).toBeGreaterThanOrEqual(LENGTH);
    expect(sum(far.map((received) => received.get(asnOf(FAR)) ?? 0))).toBeGreaterThan(0);
  });

  test("what each AS says it sent to the other is what the other says it received", () => {
    for (const [from, to] of [
      [NEAR, NEAR],
      [NEAR, FAR],
      [FAR, NEAR],
      [FAR, FAR],
    ] as const) {
      const of = (wanted: number) =>
        [seed, ...leechers].filter(({ site }) => site === wanted).map(({ account }) => account);
      const sent = sum(of(from).map((account) => account.sentByAsn[asnOf(to)] ?? 0));
      const received = sum(of(to).map((account) => receivedByAsn(account).get(asnOf(from)) ?? 0));
      expect(received, `from site ${from} to site ${to}`).toBe(sent);
    }
  });

  describeInLab("ours and stock clients", commandsOf(OVER_IPV6), () => {
    let ourLeecher: PeerProcess;
    const fromUs = new Map<StockClient, { torrent: MadeTorrent; dir: string; running: RunningClient }>();
    const toUs = new Map<StockClient, MadeTorrent>();

    beforeAll(async () => {
      const make = (dir: string, name: string) => makeTorrent(dir, { name, tracker, content: 3_000_007 });
      const ourSource = await lab.addDir("our-source");
      const given = new Map<StockClient, MadeTorrent>();
      for (const client of OVER_IPV6) {
        given.set(client, await make(ourSource, `from us to ${client.name}`));
        const source = await lab.addDir(`source-of-${client.name}`);
        const torrent = await make(source, `from ${client.name} to us`);
        toUs.set(client, torrent);
        const host = await lab.addHost(`${client.name}-seed`, FAR, ["ipv6"]);
        await client.start(host, "seed", source, [torrent]);
      }
      [, ourLeecher] = await Promise.all([
        startAt("our-seed", NEAR, [...given.values()], ourSource),
        startAt("our-leecher", NEAR, [...toUs.values()]),
      ]);
      for (const [client, torrent] of given) {
        const dir = await lab.addDir(`downloads-of-${client.name}`);
        const host = await lab.addHost(`${client.name}-leecher`, FAR, ["ipv6"]);
        const running = await client.start(host, "leecher", dir, [torrent]);
        fromUs.set(client, { torrent, dir, running });
      }
    });

    describe.each(OVER_IPV6)("$name", (client) => {
      test("downloads from our seed", async () => {
        const { torrent, dir, running } = fromUs.get(client) ?? expect.unreachable();
        await running.complete(torrent);
        await expectSameContent(torrent, dir);
      });

      test("seeds to our leecher", async () => {
        const torrent = toUs.get(client) ?? expect.unreachable();
        await complete(ourLeecher, torrent);
        await expectSameContent(torrent, ourLeecher.dir);
      });
    });
  });
});

function commandsOf(clients: readonly StockClient[]): string[] {
  return clients.flatMap((client) => client.commands);
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
