import { ManualClock } from "@cachetorrent/clock";
import { type Address, PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import type { Storage } from "../src/disk/storage.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const someTorrent = () => torrentOf([{ path: ["a"], content: noise(1_000_000, 1) }], 64 * KIB);

/** A link that lets a block to this address pass after so many ms, and all others at once. */
function linkTo(slow: string, waitMs: number) {
  const booked: Address[] = [];
  return {
    booked,
    book: (to: Address) => {
      booked.push(to);
      return to === slow ? waitMs : 0;
    },
  };
}

/** A seed on such a link, and two that ask it for a block each. */
async function seedAndTwo(waitMs: number) {
  const clock = new ManualClock();
  const torrent = await someTorrent();
  const tracker = await MeetingPoint.open();
  const links = linkTo("127.3.0.1", waitMs);
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, seeds: true, links });
  const join = async (at: string, n: number) => {
    const { infoHash } = torrent.metainfo;
    const raw = await RawPeer.join(seed.endpoint, { at, infoHash, clock, peerId: numberedPeerId(900 + n) });
    raw.wire.interested();
    await raw.received("unchoke");
    return raw;
  };
  return { clock, links, fast: await join("127.2.0.1", 1), slow: await join("127.3.0.1", 2) };
}

describe("links that peers share", () => {
  it("a block waits for its booked time, is then sent, and was booked once", async () => {
    const { clock, links, slow } = await seedAndTwo(1000);
    slow.request(0, 0, BLOCK);
    await until("it is booked", () => links.booked.length === 1);
    const bookedAt = clock.now();
    await advanceUntil(clock, "it has come", () => slow.count("piece") === 1, 10);
    expect(clock.now() - bookedAt).toBeGreaterThanOrEqual(1000);
    expect(links.booked).toEqual(["127.3.0.1"]);
  });

  it("a connection that waits for its link holds up no other", async () => {
    const { fast, links, slow } = await seedAndTwo(3_600_000);
    slow.request(0, 0, BLOCK);
    await until("it is booked", () => links.booked.length === 1);
    for (let begin = 0; begin < 64 * KIB; begin += BLOCK) fast.request(1, begin, BLOCK);
    await until("the other has its blocks", () => fast.count("piece") === 4);
    expect(slow.count("piece")).toBe(0);
  });
});

describe("a storage from elsewhere", () => {
  it("takes the place of the files: what is there is shared at once, what comes is verified and handed to it", async () => {
    const torrent = await someTorrent();
    const { metainfo, content } = torrent;
    const tracker = await MeetingPoint.open();
    const written = new Map<number, Uint8Array>();
    const storage: Storage = {
      read: async (piece, begin, length) => {
        const at = piece * metainfo.pieceLength + begin;
        return content.subarray(at, at + length);
      },
      writePiece: async (piece, bytes) => void written.set(piece, Uint8Array.from(bytes)),
      finish: async () => undefined,
      close: async () => undefined,
    };
    const open = (have: PieceSet) => ({ openStorage: async () => ({ storage, have }), tracker });
    await TestPeer.start(torrent, { at: "127.1.0.1", ...open(PieceSet.full(metainfo.pieceCount)) });
    const leecher = await TestPeer.start(torrent, {
      at: "127.2.0.1",
      ...open(new PieceSet(metainfo.pieceCount)),
    });
    await leecher.complete();
    const inOrder = [...written].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
    expect(Buffer.concat(inOrder).equals(content)).toBe(true);
  });
});

describe("a session that is killed", () => {
  it("cuts its connections off, tells no tracker, and is not there any more", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, limitDown: 1 });
    await until("they are connected", () => leecher.peers === 1 && seed.peers === 1);
    const announces = tracker.announces;
    await seed.session.kill();
    await until("the connection is gone", () => leecher.peers === 0);
    expect(tracker.announces).toBe(announces);
    const late = await TestPeer.start(torrent, { at: "127.3.0.1", tracker });
    // The tracker still tells of the dead one.
    await until("the two that are left have met", () => late.peers === 1);
    await seed.session.stop();
    expect(seed.torrent.status().state).toBe("stopped");
  });
});
