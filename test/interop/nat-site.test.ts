import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  asPrefixOptions,
  complete,
  PLAIN,
  receivedByAsn,
  startPeer,
  startTracker,
  stopPeer,
} from "./support/cachetorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, Lab, prefixesOf } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const OPEN_SITE = 1;
const HIDDEN_SITE = 9;
const PEER_PORT = 6881;

/** The tracker sees both hidden peers at the gateway's address, and the gateway lets no connection in. */
describeInLab("two peers behind one public address", ["nft"], () => {
  let lab: Lab;
  let torrent: MadeTorrent;
  const hidden: PeerProcess[] = [];
  const accounts: LedgerTorrent[] = [];

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", 200);
    const tracker = await startTracker(trackerHost, trackerHost.ipv4, [
      ...PLAIN,
      ...asPrefixOptions(prefixesOf([OPEN_SITE, HIDDEN_SITE])),
    ]);
    const source = await lab.addDir("source");
    torrent = await makeTorrent(source, {
      name: "behind-nat",
      tracker: tracker.announceUrl,
      content: 6_000_001,
    });

    const seedHost = await lab.addHost("seed", OPEN_SITE);
    const seed = await startPeer(seedHost, seedHost.ipv4, [torrent], source, ["--limit-up", "2MB/s"]);
    const { hosts } = await lab.addHiddenHosts(["hidden-1", "hidden-2"], HIDDEN_SITE);
    for (const host of hosts) {
      const downloads = path.join(host.dir, "downloads");
      await mkdir(downloads);
      const local = ["--local", `${host.ipv4}:${PEER_PORT}`];
      hidden.push(await startPeer(host, host.ipv4, [torrent], downloads, local, PEER_PORT));
    }
    await Promise.all(hidden.map((peer) => complete(peer, torrent)));
    for (const peer of [seed, ...hidden]) await stopPeer(peer);
    for (const peer of hidden) accounts.push(await peer.ledger(torrent.infoHash));
  });
  afterAll(() => lab?.close());

  test("complete from a seed outside", async () => {
    for (const peer of hidden) await expectSameContent(torrent, peer.dir);
  });

  test("are members of the AS of their public address", () => {
    expect(accounts.map((account) => account.asn)).toEqual([asnOf(HIDDEN_SITE), asnOf(HIDDEN_SITE)]);
  });

  test("were given each other's address inside the site, and traded pieces there", () => {
    const inside = accounts.map((account) => receivedByAsn(account).get(asnOf(HIDDEN_SITE)) ?? 0);
    expect(inside[0]).toBeGreaterThan(0);
    expect(inside[1]).toBeGreaterThan(0);
  });
});
