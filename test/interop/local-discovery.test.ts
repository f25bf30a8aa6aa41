import { afterAll, beforeAll, test } from "vitest";
import { complete, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Family, type Host, Lab } from "./support/lab.ts";
import { runIn } from "./support/namespaces.ts";
import { expectSameContent, makeTorrent } from "./support/torrents.ts";

const THEIR_PORT = 6881;
const OUR_PORT = 6882;

/** On one host each, for the lab's routers pass no multicast on. Of the two one can be dialled: the other has heard of it. */
describeInLab("local discovery with libtorrent, without a tracker", ["nft", ...libtorrent.commands], () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab?.close());

  /** Two folders, of which the first has the content, a host and libtorrent's settings there. */
  async function prepared(name: string, site: number, family: Family) {
    const source = await lab.addDir(`source ${name}`);
    const torrent = await makeTorrent(source, { name, content: 5_000_000 });
    const host = await lab.addHost(`host${site}`, site, [family]);
    const address = family === "ipv4" ? host.ipv4 : `[${host.ipv6}]`;
    const settings = { enable_lsd: 1, listen_interfaces: `${address}:${THEIR_PORT}` };
    const startOurs = (dir: string) =>
      startPeer(host, host[family], [torrent], dir, ["--local-discovery"], OUR_PORT);
    return { source, downloads: await lab.addDir(`copy ${name}`), torrent, host, settings, startOurs };
  }

  const FAMILIES = [
    { family: "ipv4", site: 1 },
    { family: "ipv6", site: 2 },
  ] as const;

  test.concurrent.for(FAMILIES)(
    "our leecher finds libtorrent's seed over $family",
    async ({ family, site }) => {
      const given = await prepared(`from libtorrent over ${family}`, site, family);
      const { downloads, host, settings, source, torrent } = given;
      await letNobodyDial(host, OUR_PORT);
      const peer = await given.startOurs(downloads);
      await startLibtorrent(host, "seed", source, [torrent], settings);
      await complete(peer, torrent);
      await expectSameContent(torrent, downloads);
    },
  );

  test.concurrent.for(FAMILIES)(
    "libtorrent's leecher finds our seed over $family",
    async ({ family, site }) => {
      const given = await prepared(`from us over ${family}`, 10 + site, family);
      const { downloads, host, settings, source, torrent } = given;
      await letNobodyDial(host, THEIR_PORT);
      const leecher = await startLibtorrent(host, "leecher", downloads, [torrent], settings);
      // Whoever does not hear us at first hears us again five minutes later.
      await leecher.ready();
      await given.startOurs(source);
      await leecher.complete(torrent);
      await expectSameContent(torrent, downloads);
    },
  );
});

async function letNobodyDial({ namespace }: Host, port: number): Promise<void> {
  const table = `table inet fence {
    chain in { type filter hook input priority filter; tcp dport ${port} tcp flags & (syn | ack) == syn drop; }
  }`;
  await runIn(namespace, "nft", [table]);
}
