import { afterAll, beforeAll, test } from "vitest";
import { complete, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { expectSameContent, makeTorrent } from "./support/torrents.ts";

/** On one host each, for the lab's routers pass no multicast on. */
describeInLab("local discovery with libtorrent, without a tracker", libtorrent.commands, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab?.close());

  test.concurrent("our leecher finds libtorrent's seed, or it ours", async () => {
    const source = await lab.addDir("source-1");
    const torrent = await makeTorrent(source, { name: "from libtorrent", content: 5_000_000 });
    const host = await lab.addHost("one", 1);
    await startLibtorrent(host, "seed", source, [torrent], { enable_lsd: 1 });
    const peer = await startPeer(host, host.ipv4, [torrent], await lab.addDir("ours"), ["--local-discovery"]);
    await complete(peer, torrent);
    await expectSameContent(torrent, peer.dir);
  });

  test.concurrent("libtorrent's leecher finds our seed, or it libtorrent's", async () => {
    const source = await lab.addDir("source-2");
    const torrent = await makeTorrent(source, { name: "from us", content: 5_000_000 });
    const host = await lab.addHost("two", 2);
    await startPeer(host, host.ipv4, [torrent], source, ["--local-discovery"]);
    const downloads = await lab.addDir("theirs");
    const leecher = await startLibtorrent(host, "leecher", downloads, [torrent], { enable_lsd: 1 });
    await leecher.complete(torrent);
    await expectSameContent(torrent, downloads);
  });

  test.concurrent("our leecher finds libtorrent's seed over IPv6, or it ours", async () => {
    const source = await lab.addDir("source-3");
    const torrent = await makeTorrent(source, { name: "over IPv6", content: 5_000_000 });
    const host = await lab.addHost("three", 3, ["ipv6"]);
    const settings = { enable_lsd: 1, listen_interfaces: `[${host.ipv6}]:6881` };
    await startLibtorrent(host, "seed", source, [torrent], settings);
    const downloads = await lab.addDir("ours over IPv6");
    const peer = await startPeer(host, host.ipv6, [torrent], downloads, ["--local-discovery"]);
    await complete(peer, torrent);
    await expectSameContent(torrent, downloads);
  });
});
