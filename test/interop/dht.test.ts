import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complete, PLAIN, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { aria2, aria2With } from "./support/clients/aria2.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";
import { addressOf, readTrace } from "./support/trace.ts";
import { watchUdp } from "./support/udp-watch.ts";

const PORT = 6881;
const NO_TRACKER = "http://198.18.200.1:1/announce";

/** All know one node of ours to begin with, and no tracker where none is named. */
describeInLab("the DHT with libtorrent", [...libtorrent.commands, ...aria2.commands], () => {
  let lab: Lab;
  let node: Host;
  /** A public torrent, which the node seeds. */
  let another: MadeTorrent;
  beforeAll(async () => {
    lab = await Lab.open();
    node = await lab.addHost("node", 1);
    const source = await lab.addDir("source-of-node");
    another = await makeTorrent(source, { name: "another", tracker: NO_TRACKER, content: 100_000 });
    await startPeer(
      node,
      node.ipv4,
      [another],
      source,
      ["--dht", "--dht-bootstrap", `${node.ipv4}:${PORT}`],
      PORT,
    );
  });
  afterAll(() => lab?.close());

  const ours = () => ["--dht", "--dht-bootstrap", `${node.ipv4}:${PORT}`];
  const theirs = () => ({ enable_dht: 1, dht_bootstrap_nodes: `${node.ipv4}:${PORT}` });

  async function made(name: string): Promise<{ source: string; torrent: MadeTorrent }> {
    const source = await lab.addDir(`source ${name}`);
    return { source, torrent: await makeTorrent(source, { name, tracker: NO_TRACKER, content: 3_000_000 }) };
  }

  test("libtorrent's leecher finds our seed", async () => {
    const { source, torrent } = await made("from us");
    const host = await lab.addHost("our-seed", 4);
    const options = [...ours(), "--log-level", "debug"];
    const { daemon } = await startPeer(host, host.ipv4, [torrent], source, options, PORT);
    // Whom libtorrent does not find at first it looks for again much later.
    await daemon.waitForLine(/announced to the DHT/);
    const downloads = await lab.addDir("theirs");
    const leecherHost = await lab.addHost("lt-leecher", 5);
    const leecher = await startLibtorrent(leecherHost, "leecher", downloads, [torrent], theirs());
    await leecher.complete(torrent);
    await expectSameContent(torrent, downloads);
  });

  test("our leecher with a magnet link finds libtorrent's seed", async () => {
    const { source, torrent } = await made("from libtorrent");
    await startLibtorrent(await lab.addHost("lt-seed", 2), "seed", source, [torrent], theirs());
    const host = await lab.addHost("our-leecher", 3);
    const link = { ...torrent, file: `magnet:?xt=urn:btih:${torrent.infoHash}` };
    const peer = await startPeer(host, host.ipv4, [link], await lab.addDir("ours"), ours(), PORT);
    await complete(peer, torrent);
    await expectSameContent(torrent, peer.dir);
  });

  test("of a private torrent only its tracker tells: not the DHT, local discovery or peer exchange", async () => {
    const trackerHost = await lab.addHost("tracker", 200);
    const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const source = await lab.addDir("private source");
    const plan = { name: "private", tracker, content: 4_000_000, isPrivate: true };
    const torrent = await makeTorrent(source, plan);
    // Theirs would tell, too: it is the torrent that forbids it. And so slow that we are at it for some of our sweeps.
    const settings = { ...theirs(), enable_lsd: 1, upload_rate_limit: 2_000_000 };
    await startLibtorrent(await lab.addHost("lt-private", 6), "seed", source, [torrent], settings);
    const willing = aria2With(["--enable-peer-exchange=true", "--bt-enable-lpd=true"]);
    const downloads = await lab.addDir("private downloads");
    const leecher = await willing.start(await lab.addHost("aria2", 7), "leecher", downloads, [torrent]);

    const host = await lab.addHost("our-private", 8);
    const watch = await watchUdp(host, [torrent, another]);
    const trace = path.join(host.dir, "trace.jsonl");
    const options = [...ours(), "--local-discovery", "--trace", trace];
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
