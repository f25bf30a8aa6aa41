import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CEILING_MS, startPeer } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const PORT = 6881;
/** So slow that a download lasts longer than anybody's first minute. */
const SLOW = 100_000;

/** For whoever knows of nobody but the peer there. */
function knowingOnly(torrent: MadeTorrent, host: Host): MadeTorrent {
  const link = `magnet:?xt=urn:btih:${torrent.infoHash}&x.pe=${host.ipv4}:${PORT}`;
  return { ...torrent, file: link };
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

  test("two of libtorrent's meet by what our seed tells them", async () => {
    const { source, torrent } = await made("from us");
    const seedHost = await lab.addHost("our-seed", 1);
    await startPeer(seedHost, seedHost.ipv4, [torrent], source, ["--limit-up", `${SLOW}B/s`], PORT);
    const [one, other] = [await lab.addHost("lt-one", 2), await lab.addHost("lt-other", 3)];
    const links = [knowingOnly(torrent, seedHost)];
    const settings = { upload_rate_limit: SLOW };
    const running = await startLibtorrent(one, "leecher", await lab.addDir("lt-one-files"), links, settings);
    await startLibtorrent(other, "leecher", await lab.addDir("lt-other-files"), links, settings);
    expect((await running.dialled(2)).sort()).toEqual([seedHost.ipv4, other.ipv4].sort());
  });

  test("two of ours meet by what libtorrent's seed tells them", async () => {
    const { source, torrent } = await made("from libtorrent");
    const seedHost = await lab.addHost("lt-seed", 4);
    await startLibtorrent(seedHost, "seed", source, [torrent], { upload_rate_limit: SLOW });
    const links = [knowingOnly(torrent, seedHost)];
    const peers: PeerProcess[] = [];
    for (const site of [5, 6]) {
      const host = await lab.addHost(`our-leecher${site}`, site);
      peers.push(await startPeer(host, host.ipv4, links, await lab.addDir(`ours${site}`), [], PORT));
    }
    for (const { daemon } of peers) {
      const accepts = (event: Readonly<Record<string, unknown>>) =>
        (event.torrents as { peers: number }[])[0]?.peers === 2;
      await daemon.waitFor("progress", { accepts, timeoutMs: CEILING_MS });
    }
  });
});
