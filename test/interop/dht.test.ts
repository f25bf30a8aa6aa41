import { afterAll, beforeAll, test } from "vitest";
import { complete, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const PORT = 6881;
const NO_TRACKER = "http://198.18.200.1:1/announce";

/** All know one node of ours to begin with, and no tracker. */
describeInLab("the DHT with libtorrent", libtorrent.commands, () => {
  let lab: Lab;
  let node: Host;
  beforeAll(async () => {
    lab = await Lab.open();
    node = await lab.addHost("node", 1);
    const source = await lab.addDir("source-of-node");
    const other = await makeTorrent(source, { name: "another", tracker: NO_TRACKER, content: 100_000 });
    await startPeer(
      node,
      node.ipv4,
      [other],
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

  test("our leecher with a magnet link finds libtorrent's seed", async () => {
    const { source, torrent } = await made("from libtorrent");
    await startLibtorrent(await lab.addHost("lt-seed", 2), "seed", source, [torrent], theirs());
    const host = await lab.addHost("our-leecher", 3);
    const link = { ...torrent, file: `magnet:?xt=urn:btih:${torrent.infoHash}` };
    const peer = await startPeer(host, host.ipv4, [link], await lab.addDir("ours"), ours(), PORT);
    await complete(peer, torrent);
    await expectSameContent(torrent, peer.dir);
  });
});
