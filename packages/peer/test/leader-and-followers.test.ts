import type { Policy } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { CACHE, MeetingPoint } from "./support/meeting-point.ts";
import { numberedPeerId, readContent, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";

const MULTI: Policy = { name: "multi", leaderPercent: 10, deadlineMs: 5000, ranges: 2 };

/** 60 pieces of 2 blocks. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(60 * 32 * KIB) }], 32 * KIB);

/** A seed in AS 2 that leads itself, and in AS 1 so many peers, the first of which lead. */
async function given(policy: Policy, leaders: number, followers: number) {
  const torrent = await aTorrent();
  const tracker = await MeetingPoint.open();
  tracker.tell({ policy });
  const seed = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, seeds: true });
  tracker.tell({ leaders: [seed] }, seed.peerId);
  const peers: TestPeer[] = [];
  for (let n = 1; n <= leaders + followers; n++) {
    peers.push(await TestPeer.start(torrent, { at: `127.1.0.${n}`, tracker }));
  }
  const led = peers
    .slice(0, leaders)
    .map(({ endpoint, peerId }, range) => ({ endpoint, peerId, ...(policy === MULTI ? { range } : {}) }));
  tracker.tell({ leaders: led });
  return { torrent, tracker, peers, seed };
}

async function allComplete(torrent: GivenTorrent, peers: readonly TestPeer[]): Promise<void> {
  for (const peer of peers) {
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  }
}

const external = ({ torrent }: TestPeer) => torrent.status().externalBytes;

describe("the peers of an AS", () => {
  it("get every piece into it once, through their leader", async () => {
    const { peers, torrent, tracker } = await given(CACHE, 1, 4);
    await allComplete(torrent, peers);
    expect(peers.map(external)).toEqual([torrent.content.length, 0, 0, 0, 0]);
    expect(tracker.reports).toEqual([]);
    expect(peers.map(({ accounts }) => accounts.escapes)).toEqual([0, 0, 0, 0, 0]);
  });

  it("get each range into it through its leader", async () => {
    const { peers, torrent, tracker } = await given(MULTI, 2, 3);
    await allComplete(torrent, peers);
    const half = torrent.content.length / 2;
    expect(peers.map(external)).toEqual([half, half, 0, 0, 0]);
    expect(tracker.reports).toEqual([]);
  });

  it("get it from an outside seed that only a follower has heard of", async () => {
    const torrent = await aTorrent();
    const [tracker, elsewhere] = [await MeetingPoint.open(), await MeetingPoint.open()];
    const seed = await TestPeer.start(torrent, { at: "127.2.0.1", tracker: elsewhere, seeds: true });
    const peerId = numberedPeerId(500_001);
    tracker.list(seed.endpoint, peerId);
    tracker.tell({ policy: CACHE });
    const leader = await TestPeer.start(torrent, { at: "127.1.0.1", tracker });
    tracker.tell({ leaders: [leader] });
    const follower = await TestPeer.start(torrent, { at: "127.1.0.2", tracker, peerId });
    await allComplete(torrent, [leader, follower]);
    expect([leader, follower].map(external)).toEqual([torrent.content.length, 0]);
    expect(tracker.reports).toEqual([]);
  });
});
