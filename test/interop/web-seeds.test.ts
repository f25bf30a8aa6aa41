import path from "node:path";
import { type PeerProcess, runCommand } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { asPrefixOptions, complete, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { type Nginx, startNginx } from "./support/nginx.ts";
import { describeTorrent, expectSameContent, type MadeTorrent, writeContent } from "./support/torrents.ts";

const SITES = [1, 2];
const PEERS_PER_SITE = 3;
const TRACKER_SITE = 200;
const ORIGIN_SITE = 201;
const CONTENT = { "one.bin": 9_000_001, "a folder/of #2 & more.bin": 7_000_000, empty: 0 };
const BYTES = 16_000_001;

/** Under `coordinated`, our tracker's default. The web seed stands in the torrent, and in the magnet link that one of each site has. */
describeInLab("two sites whose only seed is nginx", ["nginx"], () => {
  let lab: Lab;
  let nginx: Nginx;
  let torrent: MadeTorrent;
  const peers: { readonly peer: PeerProcess; readonly dir: string }[] = [];

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
    const tracker = await startTracker(trackerHost, trackerHost.ipv4, asPrefixOptions(prefixesOf(SITES)));
    const source = await lab.addDir("source");
    await writeContent(source, { name: "release", content: CONTENT });
    nginx = await startNginx(await lab.addHost("origin", ORIGIN_SITE), source);
    const file = path.join(lab.dir, "release.torrent");
    const options = ["--tracker", tracker.announceUrl, "--web-seed", nginx.url, "-o", file];
    await runCommand(trackerHost.launcher, "create", ["create", path.join(source, "release"), ...options]);
    torrent = await describeTorrent(file, source);
    const [tr, ws] = [tracker.announceUrl, nginx.url].map(encodeURIComponent);
    const link = `magnet:?xt=urn:btih:${torrent.infoHash}&tr=${tr}&ws=${ws}`;
    for (const site of SITES) {
      for (let number = 1; number <= PEERS_PER_SITE; number++) {
        const host = await lab.addHost(`peer${site}${number}`, site);
        const dir = await lab.addDir(`copy${site}${number}`);
        const given = number === PEERS_PER_SITE ? { ...torrent, file: link } : torrent;
        peers.push({ dir, peer: await startPeer(host, host.ipv4, [given], dir) });
      }
    }
    await Promise.all(peers.map(({ peer }) => complete(peer, torrent)));
    for (const { peer } of peers) await stopPeer(peer);
  });
  afterAll(() => lab?.close());

  test("everybody has the content", async () => {
    expect(peers).toHaveLength(SITES.length * PEERS_PER_SITE);
    for (const { dir } of peers) await expectSameContent(torrent, dir);
  });

  test("nginx's access log has about one copy for each site, asked for by ranges", async () => {
    const log = await nginx.log();
    const copies = SITES.map((site) => {
      const bytes = log.filter(({ from }) => from.startsWith(`198.18.${site}.`)).map((line) => line.bytes);
      return bytes.reduce((sum, one) => sum + one, 0) / BYTES;
    });
    console.info(
      `nginx gave ${copies.map((copy) => copy.toFixed(3)).join(" and ")} copies, by ${log.length} requests`,
    );
    expect(Math.max(...copies)).toBeLessThanOrEqual(1.05);
    expect(copies.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(1);
    expect(new Set(log.map(({ status }) => status))).toEqual(new Set([206]));
  });
});
