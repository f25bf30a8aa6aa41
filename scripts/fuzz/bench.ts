import { join } from "node:path";
import {
  type Asn,
  type Endpoint,
  type InfoHash,
  type PolicyName,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import {
  type Content,
  createTorrent,
  type DaemonProcess,
  findDifference,
  type Launcher,
  type PeerProcess,
  startPeerProcess,
  startTrackerProcess,
  type TrackerProcess,
  writeSeededContent,
} from "@cachetorrent/testbed";

const KIB = 1024;
const MIB = KIB * KIB;
export const PIECE_LENGTH = 64 * KIB;
/** Fast enough for an honest peer in the end, slow enough for queues to fill. */
const SEED_LIMIT = "2MB/s";
/** The leecher is to be one until the end. */
const LEECHER_LIMIT = "20KB/s";
const LEECHER_BYTES_PER_MINUTE = 2 * MIB;
/** Torrents that the leecher has besides, of hostile trackers only: many trackers are asked oftener than one. */
const SIDE_TORRENTS = 6;
/** And so many of hostile trackers over UDP. */
const UDP_TORRENTS = 6;
/** Trackers of one torrent that are hostile: one that fails is asked seldom, and the next one at once. */
const HOSTILE_TRACKERS = { http: 3, udp: 20 };

const ASES = [1, 2, 3, 4, 7, 8, 9] as Asn[];

export interface Bench {
  readonly launcher: Launcher;
  readonly dir: string;
  readonly content: Content;
  readonly infoHash: InfoHash;
  /** Of all torrents that the leecher has. */
  readonly infoHashes: readonly InfoHash[];
  readonly torrentFile: string;
  readonly tracker: TrackerProcess;
  readonly seed: PeerProcess;
  readonly leecher: PeerProcess;
}

export interface BenchOptions {
  readonly launcher: Launcher;
  readonly dir: string;
  readonly policy: PolicyName;
  readonly minutes: number;
  /** Of hostile trackers at 127.0.0.1, over HTTP and UDP. */
  readonly hostile: { readonly http: number; readonly udp: number };
}

/**
 * The daemons that are attacked. The leecher knows the hostile trackers too, and asks them before the real one. It dials encrypted,
 * and plain who refuses that, so that it hears what is wrong both ways.
 */
export async function startBench(options: BenchOptions): Promise<Bench> {
  const { dir, hostile, launcher, minutes, policy } = options;
  const content = await makeContent(dir, "content", (1 + Math.ceil(minutes)) * LEECHER_BYTES_PER_MINUTE);
  const tracker = await startTrackerProcess(launcher, {
    ases: ASES,
    policy,
    // Bogus peers go away as fast as they come, and the daemons announce often.
    args: ["--interval", "20", "--peers-per-address", "100"],
  });
  const torrentFile = join(dir, "content.torrent");
  const infoHash = await createTorrent(content, tracker.announceUrl, torrentFile);
  const hostileUrls = urlsOf("http", hostile.http);
  const hostileTorrent = join(dir, "hostile.torrent");
  await createTorrent(content, [...hostileUrls, tracker.announceUrl], hostileTorrent);
  const sides = await Promise.all(
    Array.from({ length: SIDE_TORRENTS + UDP_TORRENTS }, (_, n) =>
      sideTorrent(options, n, n < SIDE_TORRENTS ? hostileUrls : urlsOf("udp", hostile.udp)),
    ),
  );
  const infoHashes = [infoHash, ...sides.map((side) => side.infoHash)];
  const torrentFiles = [hostileTorrent, ...sides.map(({ torrentFile }) => torrentFile)];
  const seed = await startPeer(launcher, dir, "seed", {
    torrentFiles: [torrentFile],
    dir: content.parent,
    listen: "127.1.0.1:0",
    args: ["--limit-up", SEED_LIMIT],
  });
  const leecher = await startPeer(launcher, dir, "leecher", {
    torrentFiles,
    dir: join(dir, "leecher"),
    listen: "127.2.0.1:0",
    args: ["--limit-down", LEECHER_LIMIT, "--limit-up", "100KB/s", "--encryption", "prefer"],
  });
  return { launcher, dir, content, infoHash, infoHashes, torrentFile, tracker, seed, leecher };
}

export function daemonsOf({ leecher, seed, tracker }: Bench): readonly DaemonProcess[] {
  return [tracker.daemon, seed.daemon, leecher.daemon];
}

export function endpointOf(peer: PeerProcess): Endpoint {
  return unwrap(parseEndpoint(peer.endpoint));
}

export function trackerEndpoint({ announceUrl }: TrackerProcess): Endpoint {
  return unwrap(parseEndpoint(new URL(announceUrl).host));
}

export function pieceCountOf({ files, pieceLength }: Content): number {
  return Math.ceil(files.reduce((sum, file) => sum + file.bytes, 0) / pieceLength);
}

/** An honest peer downloads all. Rejects when it cannot, or what it got is not the content. */
export async function downloadHonestly(
  bench: Bench,
  name: string,
  listen: string,
  dir: string,
): Promise<void> {
  const { content, launcher, torrentFile } = bench;
  const peer = await startPeer(launcher, bench.dir, name, {
    torrentFiles: [torrentFile],
    dir,
    listen,
    args: [],
  });
  const seconds = 120 + (pieceCountOf(content) * PIECE_LENGTH) / 1e6;
  await peer.complete({ infoHash: bench.infoHash, timeoutMs: seconds * 1000 });
  await peer.daemon.stop();
  const difference = await findDifference(
    join(content.parent, content.name),
    join(dir, content.name),
    content.files,
  );
  if (difference !== undefined) throw peer.daemon.failure(`downloaded something else: ${difference}`);
}

type Peer = Omit<Parameters<typeof startPeerProcess>[1], "name" | "ledgerFile">;

function startPeer(launcher: Launcher, dir: string, name: string, peer: Peer): Promise<PeerProcess> {
  return startPeerProcess(launcher, { name, ledgerFile: join(dir, `${name}.json`), ...peer });
}

async function makeContent(dir: string, name: string, bytes: number, seed = 1): Promise<Content> {
  const files = [{ path: "content.bin", bytes }];
  const parent = join(dir, "origin");
  await writeSeededContent(join(parent, name), files, seed);
  return { parent, name, files, pieceLength: PIECE_LENGTH };
}

async function sideTorrent(
  { dir }: BenchOptions,
  n: number,
  trackers: readonly string[],
): Promise<{ readonly torrentFile: string; readonly infoHash: InfoHash }> {
  const content = await makeContent(dir, `side-${n}`, 20 * PIECE_LENGTH, 100 + n);
  const torrentFile = join(dir, `side-${n}.torrent`);
  const infoHash = await createTorrent(content, trackers, torrentFile);
  return { torrentFile, infoHash };
}

function urlsOf(scheme: "http" | "udp", port: number): string[] {
  return Array.from(
    { length: HOSTILE_TRACKERS[scheme] },
    (_, n) => `${scheme}://127.0.0.1:${port}/${n}/announce`,
  );
}
