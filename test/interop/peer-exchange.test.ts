import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CEILING_MS, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Family, type Host, Lab } from "./support/lab.ts";
import { type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const PORT = 6881;
/** So slow that a download lasts longer than anybody's first minute. */
const SLOW = 100_000;

/** For whoever knows of nobody but the peer there. */
function knowingOnly(torrent: MadeTorrent, host: Host, family: Family): MadeTorrent {
  const link = `magnet:?xt=urn:btih:${torrent.infoHash}&x.pe=${endpointOf(host, family)}`;
  return { ...torrent, file: link };
}

function endpointOf(host: Host, family: Family): string {
  return family === "ipv4" ? `${host.ipv4}:${PORT}` : `[${host.ipv6}]:${PORT}`;
}

describeInLab("peer exchange with libtorrent, without a tracker", libtorrent.commands, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab?.close());

  async function made(name: string): Promise<{ source: string; torrent: MadeTorrent }> {
    const source = await lab.addDir(`source ${name}`);
    const tracker = "http://198.18.200.1:1/announce";
    return { source, torrent: await makeTorrent(source, { name, tracker, content: 20_000_000 }) };
  }

  // Listening by IPv6 alone libtorrent tells nobody its port, so that nobody can be told of it.
  test("two of libtorrent's meet by what our seed tells them", async () => {
    const { source, torrent } = await made("from us");
    const seedHost = await lab.addHost("our-seed", 1);
    await startPeer(seedHost, seedHost.ipv4, [torrent], source, ["--limit-up", `${SLOW}B/s`], PORT);
    const [one, other] = [await lab.addHost("lt-one", 2), await lab.addHost("lt-other", 3)];
    const links = [knowingOnly(torrent, seedHost, "ipv4")];
    const settings = { upload_rate_limit: SLOW };
    const running = await startLibtorrent(one, "leecher", await lab.addDir("lt-one-files"), links, settings);
    await startLibtorrent(other, "leecher", await lab.addDir("lt-other-files"), links, settings);
    expect((await running.dialled(2)).sort()).toEqual([seedHost.ipv4, other.ipv4].sort());
  });

  test("libtorrent meets a leecher of ours by what our seed tells it, over IPv6", async () => {
    const addHost = (name: string, site: number) => lab.addHost(name, site, ["ipv6"]);
    const { source, torrent } = await made("from us over IPv6");
    const seedHost = await addHost("our-seed-six", 7);
    const limited = ["--limit-up", `${SLOW}B/s`];
    await startPeer(seedHost, seedHost.ipv6, [torrent], source, limited, PORT);
    const links = [knowingOnly(torrent, seedHost, "ipv6")];
    const [ours, theirs] = [await addHost("our-six", 8), await addHost("lt-six", 9)];
    await startPeer(ours, ours.ipv6, links, await lab.addDir("our-six-files"), limited, PORT);
    const settings = { upload_rate_limit: SLOW, listen_interfaces: endpointOf(theirs, "ipv6") };
    const files = await lab.addDir("lt-six-files");
    const running = await startLibtorrent(theirs, "leecher", files, links, settings);
    expect((await running.dialled(2)).sort()).toEqual([seedHost.ipv6, ours.ipv6].sort());
  });

  test.each(["ipv4", "ipv6"] as const)(
    "two of ours meet by what libtorrent's seed tells them, over %s",
    async (family) => {
      const addHost = (name: string, site: number) => lab.addHost(`${name}-${family}`, site, [family]);
      const { source, torrent } = await made(`from libtorrent over ${family}`);
      const seedHost = await addHost("lt-seed", 4);
      const settings = { upload_rate_limit: SLOW, listen_interfaces: endpointOf(seedHost, family) };
      await startLibtorrent(seedHost, "seed", source, [torrent], settings);
      const links = [knowingOnly(torrent, seedHost, family)];
      const peers: PeerProcess[] = [];
      for (const site of [5, 6]) {
        const host = await addHost(`our-leecher${site}`, site);
        const downloads = await lab.addDir(`files-of-${host.name}`);
        peers.push(await startPeer(host, host[family], links, downloads, [], PORT));
      }
      for (const { daemon } of peers) {
        const accepts = (event: Readonly<Record<string, unknown>>) =>
          (event.torrents as { peers: number }[])[0]?.peers === 2;
        await daemon.waitFor("progress", { accepts, timeoutMs: CEILING_MS });
      }
    },
  );
});
