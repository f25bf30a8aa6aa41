import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const BLOCK = 16 * KIB;

/** 20 pieces of 4 blocks. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(20 * 4 * BLOCK) }], 4 * BLOCK);

async function unchokedBySeed(options: { fast?: boolean; limitUp?: number } = {}) {
  const torrent = await aTorrent();
  const tracker = await MeetingPoint.open();
  const { fast = true, ...rest } = options;
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, ...rest });
  const raw = await RawPeer.join(seed.endpoint, {
    at: "127.9.0.1",
    infoHash: torrent.metainfo.infoHash,
    fast,
  });
  raw.wire.interested();
  await raw.received("unchoke");
  return { torrent, seed, raw };
}

describe("requests of another peer", () => {
  it("are answered with the bytes asked for, up to 256 KiB and at any offset", async () => {
    const { torrent, raw } = await unchokedBySeed();
    raw.request(3, 7, 3 * BLOCK + 5);
    await raw.received("piece");
    const start = 3 * 4 * BLOCK + 7;
    expect(raw.blocks[0]?.block).toEqual(bytesOf(torrent, start, 3 * BLOCK + 5));
  });

  it("for a piece that we lack are rejected, and fail nothing", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const empty = await TestPeer.start(torrent, { at: "127.1.0.1", tracker });
    const raw = await RawPeer.join(empty.endpoint, { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash });
    raw.wire.interested();
    await raw.received("unchoke");
    raw.request(0, 0, BLOCK);
    await raw.received("reject");
    expect(raw.messages.at(-1)).toEqual(["reject", 0, 0, BLOCK]);
    expect(empty.errors).toEqual([]);
    expect(empty.torrent.status().state).toBe("downloading");
  });

  it("that are equal are each answered, and each counted", async () => {
    const { raw, seed } = await unchokedBySeed();
    for (let i = 0; i < 3; i++) raw.request(1, BLOCK, BLOCK);
    await raw.received("piece", 3);
    expect(seed.sentBytes).toBe(3 * BLOCK);
  });

  it("beyond 512 in the queue are rejected, the others served", async () => {
    const { raw } = await unchokedBySeed({ limitUp: 4 * 1024 * KIB });
    const most = LIMITS.peer.requestsQueuedPerConnection;
    const asked = most + 60;
    for (let i = 0; i < asked; i++) raw.request(i % 20, 0, 1024);
    await until("each is answered", () => raw.count("piece") + raw.count("reject") === asked);
    expect(raw.count("reject")).toBeGreaterThan(0);
    expect(raw.count("piece")).toBeGreaterThanOrEqual(most);
  });

  it("whose rejects are never read close the connection, and fill no memory", {
    timeout: 60_000,
  }, async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const raw = await RawPeer.join(seed.endpoint, { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash });
    raw.socket.pause();
    // We are choked, so each is answered by a reject.
    const request = Buffer.from([0, 0, 0, 13, 6, ...Buffer.alloc(11), 1]);
    const flood = Buffer.concat(new Array<Buffer>(10_000).fill(request));
    await until("the flood is stopped", () => {
      if (raw.socket.writable && raw.socket.writableLength < flood.length) raw.socket.write(flood);
      return seed.peers === 0;
    });
    expect(seed.errors).toEqual([]);
  });

  it("that are cancelled are answered by exactly one piece or reject", async () => {
    const { raw } = await unchokedBySeed({ limitUp: 1024 * KIB });
    const keys = Array.from({ length: 40 }, (_, i) => [Math.floor(i / 4), (i % 4) * BLOCK] as const);
    for (const [piece, begin] of keys) raw.request(piece, begin, BLOCK);
    for (const [piece, begin] of keys) raw.wire.cancel(piece, begin, BLOCK);
    await until("each is answered", () => raw.count("piece") + raw.count("reject") >= keys.length);
    const answered = raw.messages.filter(([name]) => name === "piece" || name === "reject");
    expect(new Set(answered.map((one) => `${one[1]} ${one[2]}`)).size).toBe(keys.length);
    expect(raw.count("reject")).toBeGreaterThan(0);
  });

  it("while choked are rejected", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const raw = await RawPeer.join(seed.endpoint, { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash });
    // The wire itself would not send it: to it we are choked.
    raw.socket.write(requestFrame(0, 0, BLOCK));
    await raw.received("reject");
    expect(raw.count("piece")).toBe(0);
  });
});

describe("a choke", () => {
  it("rejects every open request by name, and none of them is served later", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const { infoHash } = torrent.metainfo;
    const seed = await TestPeer.start(torrent, {
      at: "127.1.0.1",
      tracker,
      clock,
      seeds: true,
      uploadSlots: 1,
      limitUp: BLOCK / 4,
    });
    const raws = await Promise.all(
      [1, 2, 3, 4].map((n) =>
        RawPeer.join(seed.endpoint, {
          at: `127.9.0.${n}`,
          infoHash,
          peerId: numberedPeerId(900_000 + n),
          clock,
        }),
      ),
    );
    for (const raw of raws) raw.wire.interested();
    const isUnchoked = (raw: RawPeer) => raw.count("unchoke") > 0;
    await until("both slots are given", () => raws.filter(isUnchoked).length === 2);
    const served = raws.filter(isUnchoked);
    for (const raw of served) for (let i = 0; i < 20; i++) raw.request(i, 0, BLOCK);
    await until("the first block comes", () => served.some((raw) => raw.count("piece") > 0));
    await advanceUntil(clock, "one is choked", () => served.some((raw) => raw.count("choke") > 0));
    const choked = served.find((raw) => raw.count("choke") > 0) as RawPeer;
    await until("all are answered", () => choked.count("piece") + choked.count("reject") === 20);
    clock.advance(5_000);
    const choke = choked.messages.findIndex(([name]) => name === "choke");
    const after = () => choked.messages.slice(choke + 1);
    expect(after().filter(([name]) => name === "piece")).toEqual([]);
    expect(after().filter(([name]) => name === "reject").length).toBe(choked.count("reject"));
    // Nor when it has a slot again: what it asks for then is all that it gets.
    const answers = (wanted: string) =>
      after().filter(([name, piece, begin]) => name === wanted && piece === 19 && begin === BLOCK).length;
    let asked = 0;
    // Slots are given at random: it may lose this one, too, before its turn comes.
    const askAgain = (): void => {
      if (choked.count("unchoke") <= choked.count("choke") || answers("reject") < asked) return;
      choked.request(19, BLOCK, BLOCK);
      asked++;
    };
    await advanceUntil(clock, "it is served", () => {
      askAgain();
      return answers("piece") > 0;
    });
    expect(after().filter(([name]) => name === "piece").length).toBe(1);
  });
});

describe("a peer without the fast extension", () => {
  it("gets a bitfield, and blocks", async () => {
    const { raw, seed, torrent } = await unchokedBySeed({ fast: false });
    expect(raw.count("have-all")).toBe(0);
    expect(raw.count("bitfield")).toBe(1);
    raw.request(0, 0, BLOCK);
    await raw.received("piece");
    expect(Buffer.compare(raw.blocks[0]?.block ?? new Uint8Array(), torrent.content.subarray(0, BLOCK))).toBe(
      0,
    );
    expect(seed.peers).toBe(1);
  });

  it("is dropped when it sends a message of the fast extension (BEP 6)", async () => {
    const { raw, seed } = await unchokedBySeed({ fast: false });
    raw.socket.write(Buffer.from([0, 0, 0, 1, 14]));
    await raw.closed();
    await until("it is gone", () => seed.torrent.connectionCount === 0);
  });
});

function bytesOf({ content }: GivenTorrent, start: number, length: number): Uint8Array {
  return Uint8Array.from(content.subarray(start, start + length));
}

function requestFrame(piece: number, begin: number, length: number): Uint8Array {
  const frame = Buffer.alloc(17);
  frame.writeUInt32BE(13, 0);
  frame[4] = 6;
  frame.writeUInt32BE(piece, 5);
  frame.writeUInt32BE(begin, 9);
  frame.writeUInt32BE(length, 13);
  return frame;
}
