import path from "node:path";
import { loadMetainfo, type Metainfo } from "@cachetorrent/peer";
import { type PeerProcess, runCommand, type TrackerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  asPrefixOptions,
  complete,
  receivedByAsn,
  startPeer,
  startTracker,
  stopPeer,
} from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, type Host, Lab, prefixesOf } from "./support/lab.ts";
import { type Access, type Nginx, startNginx } from "./support/nginx.ts";
import {
  describeTorrent,
  expectSameContent,
  type MadeTorrent,
  makeTorrent,
  writeContent,
} from "./support/torrents.ts";

const SITES = [1, 2];
const PEERS_PER_SITE = 3;
const TRACKER_SITE = 200;
const ORIGIN_SITE = 201;
const CONTENT = { "one.bin": 9_000_001, "a folder/of #2 & more.bin": 7_000_000, empty: 0 };
const BYTES = 16_000_001;

/** The torrent of this folder or file, as `cachetorrent create` makes it there with a web seed. */
async function created(
  { dir, launcher }: Host,
  content: string,
  { announceUrl }: TrackerProcess,
  webSeed: Nginx,
): Promise<MadeTorrent> {
  const file = path.join(dir, `${path.basename(content)}.torrent`);
  const options = ["--tracker", announceUrl, "--web-seed", webSeed.url, "-o", file];
  await runCommand(launcher, "create", ["create", content, ...options]);
  return describeTorrent(file, path.dirname(content));
}

/** As the torrent, for whoever knows only its info-hash, its tracker and, if there is one, its web seed. */
function magnetOf(torrent: MadeTorrent, { announceUrl }: TrackerProcess, webSeed?: Nginx): MadeTorrent {
  const ws = webSeed ? `&ws=${encodeURIComponent(webSeed.url)}` : "";
  const link = `magnet:?xt=urn:btih:${torrent.infoHash}&tr=${encodeURIComponent(announceUrl)}${ws}`;
  return { ...torrent, file: link };
}

/** The pieces that it asks for, in part at least. */
function piecesOf({ file, range }: Access, { files, pieceLength }: Metainfo): number[] {
  const { offset } = files.find((one) => one.path.join("/") === file) ?? expect.unreachable(file);
  const [first, last] = range ?? expect.unreachable("without a range");
  const [from, to] = [first, last].map((at) => Math.floor((offset + at) / pieceLength)) as [number, number];
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

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
    // Or the first member would have everything before the second one asks.
    nginx = await startNginx(await lab.addHost("origin", ORIGIN_SITE), source, { rate: 1_000_000 });
    torrent = await created(trackerHost, path.join(source, "release"), tracker, nginx);
    const link = magnetOf(torrent, tracker, nginx);
    // By turns: the first site would have everything before the second one begins.
    for (let number = 1; number <= PEERS_PER_SITE; number++) {
      for (const site of SITES) {
        const host = await lab.addHost(`peer${site}${number}`, site);
        const dir = await lab.addDir(`copy${site}${number}`);
        const given = number === PEERS_PER_SITE ? link : torrent;
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

  test("nobody asks nginx for a piece that another member of the site asks it for", async () => {
    const log = await nginx.log();
    const metainfo = await loadMetainfo(torrent.file);
    const askersOfSites = SITES.map((site) => {
      const askers = new Map<number, Set<string>>();
      for (const line of log.filter(({ from }) => from.startsWith(`198.18.${site}.`))) {
        for (const piece of piecesOf(line, metainfo)) {
          askers.set(piece, (askers.get(piece) ?? new Set()).add(line.from));
        }
      }
      const byTwo = [...askers].filter(([, members]) => members.size > 1);
      expect(byTwo, `in site ${site}`).toEqual([]);
      return new Set([...askers.values()].flatMap((members) => [...members])).size;
    });
    // Or there would have been nothing to share out.
    expect(Math.max(...askersOfSites)).toBeGreaterThan(1);
  });
});

/** No host has an IPv4 address: the tracker, the server and all peers are reached by IPv6 alone. */
describeInLab("nginx and libtorrent over IPv6", ["nginx", ...libtorrent.commands], () => {
  const OURS = 1;
  const THEIRS = 2;
  /** Of either source alone all of it takes 16 s. */
  const RATE = 1_000_000;
  const LENGTH = 16 * RATE;
  let lab: Lab;
  let tracker: TrackerProcess;
  let trackerHost: Host;

  beforeAll(async () => {
    lab = await Lab.open();
    trackerHost = await addHost("tracker", TRACKER_SITE);
    const prefixes = asPrefixOptions(prefixesOf([OURS, THEIRS]));
    tracker = await startTracker(trackerHost, trackerHost.ipv6, prefixes);
  });
  afterAll(() => lab?.close());

  const addHost = (name: string, site: number) => lab.addHost(name, site, ["ipv6"]);
  const startTheirs = (
    host: Host,
    role: "seed" | "leecher",
    dir: string,
    torrent: MadeTorrent,
    settings: Readonly<Record<string, number>> = {},
  ) => startLibtorrent(host, role, dir, [torrent], { listen_interfaces: `[${host.ipv6}]:6881`, ...settings });

  test.concurrent("by a magnet link our leecher has metadata of libtorrent's seed, and content of both", async () => {
    const source = await lab.addDir("source of both");
    const plan = { name: "of both", tracker: tracker.announceUrl, content: LENGTH };
    const torrent = await makeTorrent(source, plan);
    const origin = await addHost("origin-of-both", ORIGIN_SITE);
    const nginx = await startNginx(origin, source, { family: "ipv6", rate: RATE });
    const seedHost = await addHost("lt-seed", THEIRS);
    await startTheirs(seedHost, "seed", source, torrent, { upload_rate_limit: RATE });
    const host = await addHost("our-leecher", OURS);
    const downloads = await lab.addDir("downloads of both");
    const link = magnetOf(torrent, tracker, nginx);
    const peer = await startPeer(host, host.ipv6, [link], downloads);
    await complete(peer, torrent);
    await stopPeer(peer);
    await expectSameContent(torrent, downloads);

    const account = await peer.ledger(torrent.infoHash);
    const fromTheirs = receivedByAsn(account).get(asnOf(THEIRS)) ?? 0;
    expect(account.asn).toBe(asnOf(OURS));
    expect(fromTheirs).toBeGreaterThan(0);
    expect(account.webSeedBytes).toBeGreaterThan(0);
    expect(fromTheirs + account.webSeedBytes).toBeGreaterThanOrEqual(LENGTH);
    // No piece was asked of both.
    expect(fromTheirs + account.webSeedBytes).toBeLessThanOrEqual(1.05 * LENGTH);
    const log = await nginx.log();
    expect(new Set(log.map(({ from }) => from))).toEqual(new Set([host.ipv6]));
    expect(new Set(log.map(({ status }) => status))).toEqual(new Set([206]));
  });

  test.concurrent("libtorrent's leecher has it of the server that our torrent names, and ours of libtorrent", async () => {
    const source = await lab.addDir("source of one");
    await writeContent(source, { name: "of one", content: 3_000_000 });
    const origin = await addHost("origin-of-one", ORIGIN_SITE);
    const nginx = await startNginx(origin, source, { family: "ipv6" });
    const torrent = await created(trackerHost, path.join(source, "of one"), tracker, nginx);
    const theirHost = await addHost("lt-leecher", THEIRS);
    const theirDownloads = await lab.addDir("their downloads");
    const theirs = await startTheirs(theirHost, "leecher", theirDownloads, torrent);
    const host = await addHost("our-second", OURS);
    const link = magnetOf(torrent, tracker);
    const peer = await startPeer(host, host.ipv6, [link], await lab.addDir("our downloads"));
    await Promise.all([theirs.complete(torrent), complete(peer, torrent)]);
    await expectSameContent(torrent, theirDownloads);
    await expectSameContent(torrent, peer.dir);
    const log = await nginx.log();
    expect(new Set(log.map(({ from }) => from))).toEqual(new Set([theirHost.ipv6]));
  });
});
