import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { complete, PLAIN, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { aria2, aria2With } from "./support/clients/aria2.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Family, type Host, Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";
import { addressOf, readTrace } from "./support/trace.ts";
import { watchUdp } from "./support/udp-watch.ts";

const PORT = 6881;

/**
 * All know one node of ours to begin with, by its address of their family. They have no tracker but where one is named: of a swarm whose tracker
 * does not answer we wait 15 s to be told how to behave.
 */
describeInLab("the DHT with libtorrent", [...libtorrent.commands, ...aria2.commands], () => {
  let lab: Lab;
  let node: Host;
  /** A public torrent, which the node seeds. */
  let another: MadeTorrent;
  beforeAll(async () => {
    lab = await Lab.open();
    node = await lab.addHost("node", 1);
    const source = await lab.addDir("source-of-node");
    another = await makeTorrent(source, { name: "another", content: 100_000 });
    await startPeer(node, "::", [another], source, ours("ipv4"), PORT);
  });
  afterAll(() => lab?.close());

  const endpointOf = (host: Host, family: Family) =>
    family === "ipv4" ? `${host.ipv4}:${PORT}` : `[${host.ipv6}]:${PORT}`;
  const bothOf = (host: Host) => `${endpointOf(host, "ipv4")},${endpointOf(host, "ipv6")}`;
  const ours = (family: Family) => ["--dht", "--dht-bootstrap", endpointOf(node, family)];
  const theirs = (host: Host, family: Family) => ({
    enable_dht: 1,
    dht_bootstrap_nodes: endpointOf(node, family),
    listen_interfaces: endpointOf(host, family),
  });

  async function made(name: string): Promise<{ source: string; torrent: MadeTorrent }> {
    const source = await lab.addDir(`source ${name}`);
    return { source, torrent: await makeTorrent(source, { name, content: 3_000_000 }) };
  }

  describe.each(["ipv4", "ipv6"] as const)("over %s", (family) => {
    test("libtorrent's leecher finds our seed", async () => {
      const { source, torrent } = await made(`from us over ${family}`);
      const host = await lab.addHost(`our-seed-${family}`, 4, [family]);
      const options = [...ours(family), "--log-level", "debug"];
      const { daemon } = await startPeer(host, host[family], [torrent], source, options, PORT);
      // Whom libtorrent does not find at first it looks for again much later.
      await daemon.waitForLine(/announced to the DHT/);
      const downloads = await lab.addDir(`theirs over ${family}`);
      const leecherHost = await lab.addHost(`lt-leecher-${family}`, 5, [family]);
      const settings = theirs(leecherHost, family);
      const leecher = await startLibtorrent(leecherHost, "leecher", downloads, [torrent], settings);
      await leecher.complete(torrent);
      await expectSameContent(torrent, downloads);
    });

    test("our leecher with a magnet link finds libtorrent's seed", async () => {
      const { source, torrent } = await made(`from libtorrent over ${family}`);
      const seedHost = await lab.addHost(`lt-seed-${family}`, 2, [family]);
      await startLibtorrent(seedHost, "seed", source, [torrent], theirs(seedHost, family));
      const host = await lab.addHost(`our-leecher-${family}`, 3, [family]);
      const link = { ...torrent, file: `magnet:?xt=urn:btih:${torrent.infoHash}` };
      const downloads = await lab.addDir(`ours over ${family}`);
      const peer = await startPeer(host, host[family], [link], downloads, ours(family), PORT);
      await complete(peer, torrent);
      await expectSameContent(torrent, peer.dir);
    });
  });

  // A node of one family tells of nodes of the other only whom asks for these (BEP 32, `want`).
  describe("a seed that is reached over IPv6 alone", () => {
    test("is found by libtorrent's leecher, which was told of our node by IPv4 alone", async () => {
      const { source, torrent } = await made("told of over IPv4");
      const seedHost = await lab.addHost("our-seed-six", 10, ["ipv6"]);
      const options = [...ours("ipv6"), "--log-level", "debug"];
      const { daemon } = await startPeer(seedHost, seedHost.ipv6, [torrent], source, options, PORT);
      await daemon.waitForLine(/announced to the DHT/);
      const host = await lab.addHost("lt-leecher-both", 11);
      const downloads = await lab.addDir("theirs by want");
      const settings = { ...theirs(host, "ipv4"), listen_interfaces: bothOf(host) };
      const leecher = await startLibtorrent(host, "leecher", downloads, [torrent], settings);
      await leecher.complete(torrent);
      await expectSameContent(torrent, downloads);
    });

    test("is found by our leecher, which was told of libtorrent's node by IPv4 alone", async () => {
      const { source, torrent } = await made("told of by libtorrent");
      const nodeHost = await lab.addHost("lt-node-both", 12);
      const settings = { enable_dht: 1, dht_bootstrap_nodes: "", listen_interfaces: bothOf(nodeHost) };
      await startLibtorrent(nodeHost, "leecher", await lab.addDir("nothing"), [], settings);
      const knowing = (family: Family) => ["--dht", "--dht-bootstrap", endpointOf(nodeHost, family)];
      const seedHost = await lab.addHost("our-seed-of-lt", 13, ["ipv6"]);
      const options = [...knowing("ipv6"), "--log-level", "debug"];
      const { daemon } = await startPeer(seedHost, seedHost.ipv6, [torrent], source, options, PORT);
      await daemon.waitForLine(/announced to the DHT/);
      const host = await lab.addHost("our-leecher-both", 14);
      const downloads = await lab.addDir("ours by want");
      const peer = await startPeer(host, "::", [torrent], downloads, knowing("ipv4"), PORT);
      await complete(peer, torrent);
      await expectSameContent(torrent, downloads);
    });
  });

  test("of a private torrent only its tracker tells: not the DHT, local discovery or peer exchange", async () => {
    const trackerHost = await lab.addHost("tracker", 200);
    const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const source = await lab.addDir("private source");
    const plan = { name: "private", tracker, content: 4_000_000, isPrivate: true };
    const torrent = await makeTorrent(source, plan);
    // Theirs would tell, too: it is the torrent that forbids it. And so slow that we are at it for some of our sweeps.
    const theirHost = await lab.addHost("lt-private", 6);
    const settings = { ...theirs(theirHost, "ipv4"), enable_lsd: 1, upload_rate_limit: 2_000_000 };
    await startLibtorrent(theirHost, "seed", source, [torrent], settings);
    const willing = aria2With(["--enable-peer-exchange=true", "--bt-enable-lpd=true"]);
    const downloads = await lab.addDir("private downloads");
    const leecher = await willing.start(await lab.addHost("aria2", 7), "leecher", downloads, [torrent]);

    const host = await lab.addHost("our-private", 8);
    const watch = await watchUdp(host, [torrent, another]);
    const trace = path.join(host.dir, "trace.jsonl");
    const options = [...ours("ipv4"), "--local-discovery", "--trace", trace];
    const link = `magnet:?xt=urn:btih:${another.infoHash}&x.pe=${node.ipv4}:${PORT}`;
    const both = [torrent, { ...another, file: link }];
    const peer = await startPeer(host, host.ipv4, both, await lab.addDir("our downloads"), options, PORT);
    await Promise.all([complete(peer, torrent), leecher.complete(torrent)]);
    await expectSameContent(torrent, peer.dir);
    await expectSameContent(torrent, downloads);

    // The same peer tells of the public one, which it was given after the private one.
    await Promise.all([watch.tells(another, "DHT"), watch.tells(another, "local discovery")]);
    await complete(peer, another);
    await stopPeer(peer);
    expect(watch.told(torrent)).toEqual([]);

    const said = (await readTrace(trace)).filter(({ dir }) => dir === "out");
    const ofPublic = said.filter((line) => addressOf(line) === node.ipv4);
    const ofPrivate = said.filter((line) => addressOf(line) !== node.ipv4);
    for (const [lines, isTold] of [
      [ofPublic, true],
      [ofPrivate, false],
    ] as const) {
      const handshakes = lines.filter(({ m }) => m === "extended_handshake");
      const offers = new Set(handshakes.map(({ extensions = {} }) => "ut_pex" in extensions));
      expect(offers).toEqual(new Set([isTold]));
      // Where our node of the DHT is.
      expect(lines.some(({ m }) => m === "port")).toBe(isTold);
    }
  });
});
