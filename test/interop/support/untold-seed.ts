import path from "node:path";
import type { Asn } from "@cachetorrent/protocol";
import { externalBytes, type LedgerTorrent, type PeerProcess } from "@cachetorrent/testbed";
import { expect } from "vitest";
import { asPrefixOptions, complete, startTracker, stopPeer } from "./cachetorrent.ts";
import { asnOf, type Lab, prefixesOf } from "./lab.ts";
import { changeTorrent, expectSameContent, type MadeTorrent, makeTorrent } from "./torrents.ts";

/** Where a stock client seeds. */
export const PORT = 6881;
export const OUR_SITE = 1;
export const SEED_SITE = 2;
export const MEMBERS = 3;
const LENGTH = 12_000_000;
/** So slow that members are at it when they tell each other of whom they know. */
export const SEED_RATE = 2_000_000;

/** A torrent for our site, whose tracker has never heard of the seed, but knows by prefixes who is in our site and who in the seed's. */
export interface Untold {
  readonly announceUrl: string;
  /** The folder of its content. */
  readonly source: string;
  /** For the seed: it names no tracker. */
  readonly torrent: MadeTorrent;
  /** For the members. */
  readonly tracked: MadeTorrent;
}

export async function makeUntold(lab: Lab, policy: string, name = policy): Promise<Untold> {
  const trackerHost = await lab.addHost(`tracker-${name}`, 200);
  const options = ["--policy", policy, ...asPrefixOptions(prefixesOf([OUR_SITE, SEED_SITE]))];
  const { announceUrl } = await startTracker(trackerHost, trackerHost.ipv4, options);
  const source = await lab.addDir(`source-${name}`);
  const torrent = await makeTorrent(source, { name: `under ${name}`, content: LENGTH });
  const tracked = { ...torrent, file: path.join(lab.dir, `${name}.torrent`) };
  await changeTorrent(torrent.file, { announce: announceUrl }, tracked.file);
  return { announceUrl, source, torrent, tracked };
}

/** The final accounts of these members of our site, once each has all of the torrent. */
export async function accountsOf(
  peers: readonly PeerProcess[],
  torrent: MadeTorrent,
): Promise<LedgerTorrent[]> {
  await Promise.all(peers.map((peer) => complete(peer, torrent)));
  for (const peer of peers) {
    await expectSameContent(torrent, peer.dir);
    await stopPeer(peer);
  }
  return Promise.all(peers.map((peer) => peer.ledger(torrent.infoHash)));
}

/** One of the members led, and it alone had anything from outside: at least so many copies. */
export function expectThroughLeader(accounts: readonly LedgerTorrent[], leastCopies = 1): void {
  const led = accounts.map(({ roles }) => roles.some(({ role }) => role === "leader"));
  expect(led.filter(Boolean)).toHaveLength(1);
  expectNoEscape(accounts);
  const bytes = bytesFromOutside(accounts);
  expect(bytes.filter((_, at) => !led[at])).toEqual(bytes.slice(1).map(() => 0));
  expect(Math.max(...bytes)).toBeGreaterThanOrEqual(leastCopies * LENGTH);
}

/** Together the members had it from outside once, or nearly so where some of it came from elsewhere. */
export function expectOnce(accounts: readonly LedgerTorrent[], leastCopies = 1): void {
  expectNoEscape(accounts);
  const copies = bytesFromOutside(accounts).reduce((sum, one) => sum + one, 0) / LENGTH;
  expect(copies).toBeGreaterThanOrEqual(leastCopies);
  expect(copies).toBeLessThanOrEqual(1.05);
}

/** Bytes that each member of our site had from outside. */
export function bytesFromOutside(accounts: readonly LedgerTorrent[]): number[] {
  const asn = asnOf(OUR_SITE) as Asn;
  return accounts.map((ledger) => externalBytes({ asn, initialSeed: false, ledger }));
}

function expectNoEscape(accounts: readonly LedgerTorrent[]): void {
  expect(accounts.map(({ escapes }) => escapes)).toEqual(accounts.map(() => 0));
}
