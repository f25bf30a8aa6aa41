import type { Asn } from "@cachetorrent/protocol";
import { externalBytes, type LedgerTorrent, type PeerProcess } from "@cachetorrent/testbed";
import { expect } from "vitest";
import { complete, stopPeer } from "./cachetorrent.ts";
import { asnOf } from "./lab.ts";
import { expectSameContent, type MadeTorrent } from "./torrents.ts";

/** What one site of a lab took of a torrent of so many bytes: the final accounts of its members. */
export interface SiteAccounts {
  readonly site: number;
  readonly length: number;
  readonly accounts: readonly LedgerTorrent[];
}

/** The accounts of these members of the site, once each has all of the torrent. */
export async function accountsOf(
  { length, site }: Pick<SiteAccounts, "length" | "site">,
  peers: readonly PeerProcess[],
  torrent: MadeTorrent,
): Promise<SiteAccounts> {
  await Promise.all(peers.map((peer) => complete(peer, torrent)));
  for (const peer of peers) {
    await expectSameContent(torrent, peer.dir);
    await stopPeer(peer);
  }
  return { site, length, accounts: await Promise.all(peers.map((peer) => peer.ledger(torrent.infoHash))) };
}

/** One of the members led, and it alone had anything from outside: at least so many copies. */
export function expectThroughLeader(site: SiteAccounts, leastCopies = 1): void {
  const led = site.accounts.map(({ roles }) => roles.some(({ role }) => role === "leader"));
  expect(led.filter(Boolean)).toHaveLength(1);
  expectNoEscape(site);
  const copies = copiesFromOutside(site);
  expect(copies.filter((_, at) => !led[at])).toEqual(copies.slice(1).map(() => 0));
  expect(Math.max(...copies)).toBeGreaterThanOrEqual(leastCopies);
}

/** Together the members had it from outside once, or nearly so where some of it came from elsewhere. */
export function expectOnce(site: SiteAccounts, leastCopies = 1): void {
  expectNoEscape(site);
  const copies = copiesFromOutside(site).reduce((sum, one) => sum + one, 0);
  expect(copies).toBeGreaterThanOrEqual(leastCopies);
  expect(copies).toBeLessThanOrEqual(1.05);
}

/** What each member had from outside its site, in copies of the torrent. */
export function copiesFromOutside({ accounts, length, site }: SiteAccounts): number[] {
  const asn = asnOf(site) as Asn;
  return accounts.map((ledger) => externalBytes({ asn, initialSeed: false, ledger }) / length);
}

function expectNoEscape({ accounts }: SiteAccounts): void {
  expect(accounts.map(({ escapes }) => escapes)).toEqual(accounts.map(() => 0));
}
