import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;
/** At 1 byte/s a full bucket lets one block pass, and then another one into debt for hours. */
const NEXT_TO_NOTHING = 1;
const TWO_BLOCKS = 2 * BLOCK;

const aTorrent = (seed = 1) =>
  torrentOf([{ path: [`a${seed}`], content: noise(1024 * KIB, seed) }], 64 * KIB);

describe("limits on a side of the AS's border", () => {
  it("on what goes out hold up no one inside", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const limits = { "up-external": NEXT_TO_NOTHING };
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limits });
    const outside = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await until("it waits outside", () => outside.receivedBytes > 0);
    const inside = await TestPeer.start(torrent, { at: "127.1.0.2", tracker, limits });
    await inside.complete();
    expect(seed.accounts.sentByAsn[2]).toBeLessThanOrEqual(TWO_BLOCKS);
    // From each of the two that are inside.
    expect(outside.receivedBytes).toBeLessThanOrEqual(2 * TWO_BLOCKS);
  });

  it("on what comes in from outside leave the rest to those inside", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const limits = { "down-external": NEXT_TO_NOTHING };
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, limits });
    await until("it waits for more from outside", () => leecher.receivedBytes > 0);
    await TestPeer.start(torrent, { at: "127.2.0.2", tracker, seeds: true });
    await leecher.complete();
    expect(leecher.torrent.status().externalBytes).toBeLessThanOrEqual(TWO_BLOCKS);
  });
});

describe("limits that change while blocks wait for them", () => {
  it("of a torrent let it go on, and were never the other's", async () => {
    const [slow, other] = [await aTorrent(1), await aTorrent(2)];
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start([slow, other], { at: "127.1.0.1", tracker, seeds: true });
    seed.torrent.setLimits({ up: NEXT_TO_NOTHING });
    const leecher = await TestPeer.start([slow, other], { at: "127.2.0.1", tracker });
    await leecher.complete(other);
    expect(leecher.completed.has(slow.metainfo)).toBe(false);
    seed.torrent.setLimits({ up: Number.POSITIVE_INFINITY });
    await leecher.complete(slow);
  });

  it("of the whole process, down, let it go on", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, limitDown: NEXT_TO_NOTHING });
    await until("it waits", () => leecher.receivedBytes > 0);
    leecher.session.setLimits({ down: Number.POSITIVE_INFINITY });
    await leecher.complete();
    expect(leecher.session.limits.down).toBe(Number.POSITIVE_INFINITY);
  });
});
