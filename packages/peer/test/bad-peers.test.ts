import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, readContent, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const BLOCK = 16 * KIB;

/** 10 pieces of 8 blocks. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(10 * 8 * BLOCK) }], 8 * BLOCK);

/** Answers every request, from now on and those that came, with the right bytes or with others. */
function serve(raw: RawPeer, { content, metainfo }: GivenTorrent, honest: boolean): void {
  const answer = (piece: number, begin: number, length: number): void => {
    const start = piece * metainfo.pieceLength + begin;
    const block = Uint8Array.from(content.subarray(start, start + length));
    if (!honest) block[0] = (block[0] ?? 0) ^ 1;
    raw.wire.piece(piece, begin, block);
  };
  for (const [name, piece = 0, begin = 0, length = 0] of raw.messages) {
    if (name === "request") answer(piece, begin, length);
  }
  raw.wire.on("request", answer);
}

async function leecher(torrent: GivenTorrent, clock?: ManualClock) {
  const tracker = await MeetingPoint.open();
  return TestPeer.start(torrent, { at: "127.1.0.1", tracker, ...(clock ? { clock } : {}) });
}

/** A raw seed that has unchoked the peer. */
async function rawSeed(
  peer: TestPeer,
  torrent: GivenTorrent,
  n: number,
  clock?: ManualClock,
): Promise<RawPeer> {
  const { infoHash } = torrent.metainfo;
  const options = {
    at: `127.9.0.${n}`,
    infoHash,
    peerId: numberedPeerId(900_000 + n),
    ...(clock ? { clock } : {}),
  };
  const raw = await RawPeer.join(peer.endpoint, options, "all");
  raw.wire.unchoke();
  return raw;
}

describe("a peer that sends bad data", () => {
  it("alone is banned at once, and does not get in again", async () => {
    const torrent = await aTorrent();
    const peer = await leecher(torrent);
    const liar = await rawSeed(peer, torrent, 1);
    serve(liar, torrent, false);
    await liar.closed();
    const again = await RawPeer.dial(peer.endpoint, { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash });
    again.handshake();
    await again.closed();
    const honest = await rawSeed(peer, torrent, 2);
    serve(honest, torrent, true);
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });

  it("is told from an honest one that gave blocks of the same pieces, and the download completes", async () => {
    const torrent = await aTorrent();
    const peer = await leecher(torrent);
    const liar = await rawSeed(peer, torrent, 1);
    const honest = await rawSeed(peer, torrent, 2);
    await Promise.all([liar.received("request", 4), honest.received("request", 4)]);
    const pieceAsked = (raw: RawPeer) => raw.messages.find(([name]) => name === "request")?.[1];
    expect(pieceAsked(liar)).toBe(pieceAsked(honest));
    serve(liar, torrent, false);
    serve(honest, torrent, true);
    await liar.closed();
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });
});

describe("a peer that cuts its blocks otherwise than asked for", () => {
  it("has given nothing, and what it should have given is still awaited", async () => {
    const torrent = await aTorrent();
    const peer = await leecher(torrent);
    const raw = await rawSeed(peer, torrent, 1);
    await raw.received("request", 4);
    const [, piece = 0] = raw.messages.find(([name]) => name === "request") ?? [];
    raw.wire.piece(piece, 0, new Uint8Array(BLOCK - 1));
    raw.wire.piece(piece, 1, new Uint8Array(BLOCK));
    serve(raw, torrent, true);
    await peer.complete();
    expect(peer.receivedBytes).toBe(torrent.content.length);
  });
});

describe("a peer that unchokes us and rejects every request", () => {
  it("is asked again after a while, not at once and for ever", async () => {
    const torrent = await aTorrent();
    const clock = new ManualClock(1_700_000_000_000);
    const peer = await leecher(torrent, clock);
    const raw = await rawSeed(peer, torrent, 1, clock);
    await raw.received("request", LIMITS.peer.requestDepthLeast);
    const asked = raw.count("request");
    for (const [name, piece = 0, begin = 0, length = 0] of [...raw.messages]) {
      if (name === "request") raw.wire.reject(piece, begin, length);
    }
    // The second shows what the first may have set off.
    for (let i = 0; i < 2; i++) await raw.ping();
    expect(raw.count("request")).toBe(asked);
    await advanceUntil(clock, "it is asked again", () => raw.count("request") > asked);
    expect(peer.torrent.status().state).toBe("downloading");
  });
});

describe("a peer that takes requests and never answers", () => {
  it("costs only its own blocks: others finish the download meanwhile", async () => {
    const torrent = await aTorrent();
    const peer = await leecher(torrent);
    const staller = await rawSeed(peer, torrent, 1);
    await staller.received("request", LIMITS.peer.requestDepthLeast);
    const honest = await rawSeed(peer, torrent, 2);
    serve(honest, torrent, true);
    await peer.complete();
    expect(staller.count("request")).toBe(LIMITS.peer.requestDepthLeast);
  });

  it("is asked for one block at a time after 20 s", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const peer = await leecher(torrent, clock);
    const staller = await rawSeed(peer, torrent, 1, clock);
    const asked = LIMITS.peer.requestDepthLeast;
    await staller.received("request", asked);
    clock.advance(19_000);
    expect(staller.count("cancel")).toBe(0);
    await advanceUntil(clock, "it takes the requests back", () => staller.count("cancel") === asked);
    await staller.received("request", asked + 1);
    clock.advance(10_000);
    await until("the wire is quiet", () => staller.count("request") === asked + 1);
  });

  it("is not asked first, nor for 20 s, while another gives", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const peer = await leecher(torrent, clock);
    const staller = await rawSeed(peer, torrent, 1, clock);
    const asked = LIMITS.peer.requestDepthLeast;
    await staller.received("request", asked);
    clock.advance(15_000);
    const honest = await rawSeed(peer, torrent, 2, clock);
    await honest.received("request", asked);
    await advanceUntil(clock, "the requests are taken back", () => staller.count("cancel") === asked);
    clock.advance(10_000);
    await honest.ping();
    expect(staller.count("request")).toBe(asked);
    serve(honest, torrent, true);
    await advanceUntil(clock, "the download is complete", () => peer.completed.size > 0);
    expect(staller.count("request")).toBe(asked);
  });

  it("may answer what was taken back before it answers what was asked anew", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const peer = await leecher(torrent, clock);
    const raw = await rawSeed(peer, torrent, 1, clock);
    const asked = LIMITS.peer.requestDepthLeast;
    await raw.received("request", asked);
    await advanceUntil(clock, "it is asked anew", () => raw.count("request") === asked + 1);
    await raw.received("cancel", asked);
    const [, piece = 0, begin = 0, length = 0] = raw.messages.findLast(([name]) => name === "request") ?? [];
    for (const [name, piece = 0, begin = 0, length = 0] of [...raw.messages]) {
      if (name === "cancel") raw.wire.reject(piece, begin, length);
    }
    const start = piece * torrent.metainfo.pieceLength + begin;
    raw.wire.piece(piece, begin, torrent.content.subarray(start, start + length));
    await until("the block counts", () => peer.receivedBytes === BLOCK);
    await raw.received("request", asked + 2);
    const again = raw.messages.filter(
      ([name, ...one]) => name === "request" && one[0] === piece && one[1] === begin,
    );
    expect(again.length).toBe(2);
  });
});

describe("a peer that trickles, a byte a second,", () => {
  /** Every second of the clock the next byte of its answer to its first request. */
  function trickle(raw: RawPeer, { content, metainfo }: GivenTorrent, clock: ManualClock): void {
    const [, piece = 0, begin = 0, length = 0] = raw.messages.find(([name]) => name === "request") ?? [];
    const start = piece * metainfo.pieceLength + begin;
    const head = Buffer.alloc(13);
    head.writeUInt32BE(9 + length, 0);
    head[4] = 7;
    head.writeUInt32BE(piece, 5);
    head.writeUInt32BE(begin, 9);
    const message = Buffer.concat([head, content.subarray(start, start + length)]);
    let at = 0;
    clock.every(1000, () => raw.socket.writable && raw.socket.write(message.subarray(at, ++at)));
  }

  it("holds up nothing: its blocks come from others after 20 s, and it is not let near more", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const peer = await leecher(torrent, clock);
    const slow = await rawSeed(peer, torrent, 1, clock);
    const asked = LIMITS.peer.requestDepthLeast;
    await slow.received("request", asked);
    trickle(slow, torrent, clock);
    clock.advance(15_000);
    const honest = await rawSeed(peer, torrent, 2, clock);
    await honest.received("request", asked);
    await advanceUntil(clock, "the requests are taken back", () => slow.count("cancel") === asked);
    serve(honest, torrent, true);
    await advanceUntil(clock, "the download is complete", () => peer.completed.size > 0);
    expect(slow.count("request")).toBe(asked);
    expect(peer.receivedBytes).toBe(torrent.content.length);
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });

  it("alone is asked for one block at a time, and stays", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const peer = await leecher(torrent, clock);
    const slow = await rawSeed(peer, torrent, 1, clock);
    const asked = LIMITS.peer.requestDepthLeast;
    await slow.received("request", asked);
    trickle(slow, torrent, clock);
    // Five minutes, in which it is never silent: it may stay.
    const end = clock.now() + 300_000;
    await advanceUntil(clock, "time passes", () => clock.now() >= end, 1000);
    expect(slow.isClosed).toBe(false);
    expect(slow.count("request") - slow.count("cancel")).toBe(1);
    expect(peer.receivedBytes).toBe(0);
  });
});

describe("a peer that takes blocks a byte a second", () => {
  it("holds its slot for no more than a turn, and nobody else's blocks", { timeout: 60_000 }, async () => {
    const clock = new ManualClock();
    const torrent = await torrentOf([{ path: ["a"], content: noise(16 * 1024 * KIB) }], 64 * KIB);
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true, clock, uploadSlots: 1 });
    const { infoHash } = torrent.metainfo;
    const join = (n: number) =>
      RawPeer.join(seed.endpoint, {
        at: `127.9.0.${n}`,
        infoHash,
        peerId: numberedPeerId(900_000 + n),
        clock,
      });
    const ask = (raw: RawPeer, blocks: number) => {
      for (let block = 0; block < blocks; block++)
        raw.request(Math.floor(block / 4), (block % 4) * BLOCK, BLOCK);
    };
    // One slot, and one at random: two that do not read take both.
    const slow = [await join(1), await join(2)];
    for (const raw of slow) {
      raw.wire.interested();
      await raw.received("unchoke");
      raw.socket.pause();
      ask(raw, 500);
    }
    const other = await join(3);
    other.wire.interested();
    const before = clock.now();
    await advanceUntil(clock, "the other has a slot", () => other.count("unchoke") > 0);
    expect(clock.now() - before).toBeLessThanOrEqual(2 * LIMITS.peer.rechokeMs);
    ask(other, 100);
    await advanceUntil(clock, "it has its blocks", () => other.count("piece") === 100);
  });
});
