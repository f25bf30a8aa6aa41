import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const { idleInterestMs } = LIMITS.peer;

/** A peer that is interested in two others for their only piece, the same, and just got it from the first. */
async function given() {
  const torrent = await torrentOf([{ path: ["a"], content: noise(3 * BLOCK) }], BLOCK);
  const clock = new ManualClock(1_000_000);
  const tracker = await MeetingPoint.open();
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock });
  const join = async (n: number) => {
    const { infoHash } = torrent.metainfo;
    const raw = await RawPeer.join(peer.endpoint, {
      at: `127.9.0.${n}`,
      infoHash,
      clock,
      peerId: numberedPeerId(900_000 + n),
    });
    raw.wire.haveNone();
    raw.wire.have(0);
    await raw.received("interested");
    return raw;
  };
  const [giver, other] = [await join(1), await join(2)];
  giver.wire.unchoke();
  await giver.received("request");
  giver.wire.piece(0, 0, torrent.content.subarray(0, BLOCK));
  await until("the piece is there", () => peer.torrent.status().verifiedBytes === BLOCK);
  return { clock, giver, other };
}

describe("interest in a peer that has nothing for us any more", () => {
  it("is taken back at once where we hold a slot", async () => {
    const { giver, other } = await given();
    await giver.received("uninterested");
    expect(other.count("uninterested")).toBe(0);
  });

  it("stays for a while where we are choked, and then is taken back once", async () => {
    const { clock, other } = await given();
    clock.advance(idleInterestMs - 250);
    await other.ping();
    expect(other.count("uninterested")).toBe(0);
    clock.advance(500);
    await other.received("uninterested");
  });

  it("is not told anew when the peer has something again in time", async () => {
    const { clock, other } = await given();
    other.wire.have(1);
    await other.ping();
    clock.advance(2 * idleInterestMs);
    await other.ping();
    expect([other.count("interested"), other.count("uninterested")]).toEqual([1, 0]);
  });

  it("is taken back as soon as the peer gives us a slot that others could use", async () => {
    const { other } = await given();
    other.wire.unchoke();
    await other.received("uninterested");
    expect(other.count("request")).toBe(0);
  });
});
