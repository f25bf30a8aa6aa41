import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const MIB = KIB * KIB;

/** 40 pieces of 64 KiB, the last one short. */
const someTorrent = (seed = 1) =>
  torrentOf(
    [
      { path: ["a"], content: noise(1_000_000, seed) },
      { path: ["sub", "b"], content: noise(1_555_555, seed + 1) },
    ],
    64 * KIB,
  );

describe("a swarm of sessions", () => {
  it("a leecher completes from a seed, with the same bytes", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
  });

  it("leechers share: each uploads, and the seed gives less than all of them take", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limitUp: 4 * MIB });
    const leechers = await Promise.all(
      [2, 3, 4].map((site) => TestPeer.start(torrent, { at: `127.${site}.0.1`, tracker })),
    );
    await Promise.all(leechers.map((leecher) => leecher.complete()));
    for (const leecher of leechers) {
      expect(leecher.sentBytes).toBeGreaterThan(0);
      expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
    }
    expect(seed.sentBytes).toBeLessThan(3 * torrent.content.length);
  });

  it("what one sent the other received, to the byte, after a clean stop", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    await Promise.all([leecher.stop(), seed.stop()]);
    expect(leecher.receivedBytes).toBe(seed.sentBytes);
    expect(leecher.receivedBytes).toBe(torrent.content.length);
  });

  it("what one sent the other received, to the byte, when the receiver stops in mid transfer", async () => {
    const torrent = await torrentOf([{ path: ["big"], content: noise(16 * MIB) }], 256 * KIB);
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await until("something has come", () => leecher.receivedBytes > 0);
    await leecher.stop();
    await until("the seed is alone", () => seed.torrent.connectionCount === 0);
    expect(leecher.receivedBytes).toBe(seed.sentBytes);
    expect(leecher.receivedBytes).toBeLessThan(torrent.content.length);
  });
});
