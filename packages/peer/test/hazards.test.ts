import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { claim, extended, frame } from "./support/frames.ts";
import { keptLog } from "./support/kept-log.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { heldBytes } from "./support/memory.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer, type TestPeerOptions } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

/*
 * What is known to kill or fill a process behind the wire library, or any client, sent over a real socket: the sender is gone,
 * the log says why, nothing is kept of it, and others are served.
 */

const MIB = KIB * KIB;
const BLOCK = 16 * KIB;

/** 20 pieces of 4 blocks: a bitfield has 3 bytes, of which the last 4 bits are spare. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(20 * 4 * BLOCK) }], 4 * BLOCK);

async function victim(options: Partial<TestPeerOptions> = {}) {
  const torrent = await aTorrent();
  const { infoHash } = torrent.metainfo;
  const tracker = await MeetingPoint.open();
  const { log, reasonsFor } = keptLog();
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, log, ...options });
  let peers = 0;
  const newcomer = (at: string) => ({ at, infoHash, peerId: numberedPeerId(900_000 + ++peers) });
  return {
    peer,
    reasonsFor,
    dial: (at = "127.9.0.1") => RawPeer.dial(peer.endpoint, newcomer(at)),
    join: (at = "127.9.0.1") => RawPeer.join(peer.endpoint, newcomer(at)),
  };
}

/** Sends it, and then as much as the other side takes before it closes. Resolves with the bytes that it took. */
async function sendWithoutEnd({ socket }: RawPeer, bytes: Uint8Array, atMost = 128 * MIB): Promise<number> {
  const rest = Buffer.alloc(MIB);
  socket.write(bytes);
  while (socket.writable && socket.bytesWritten < atMost) {
    if (socket.write(rest)) continue;
    await new Promise<void>((resolve) => {
      socket.once("drain", resolve).once("close", resolve);
    });
  }
  return socket.bytesWritten - socket.writableLength;
}

const deep = `d1:m${"l".repeat(60_000)}${"e".repeat(60_000)}e`;

describe("a message that claims more than there may be closes the connection before it is read:", () => {
  it.each([
    ["2 GiB of a block", claim(0x7fffffff, 7), /message 7 of 2147483647 bytes/],
    ["2 GiB of a choke", claim(0x7fffffff, 0), /message 0 of 2147483647 bytes/],
    ["2 GiB of a message nobody knows", claim(0x7fffffff, 99), /message 99 of 2147483647 bytes/],
    ["2 GiB of an extension", claim(0x7fffffff, 20), /message 20 of 2147483647 bytes/],
    ["a length that is -1 as a signed number", claim(0xffffffff, 7), /message 7 of 4294967295 bytes/],
    ["a bitfield of 32 MB", claim(32 * MIB + 1, 5), /a bitfield of 33554432 bytes instead of 3/],
  ])("%s", async (_, bytes, reason) => {
    const { join, peer, reasonsFor } = await victim();
    const raw = await join();
    const before = heldBytes();
    const taken = await sendWithoutEnd(raw, bytes);
    await raw.closed();
    await until("it is forgotten", () => peer.torrent.connectionCount === 0);
    // What lies in the kernel's buffers counts as taken.
    expect(taken).toBeLessThan(64 * MIB);
    expect(heldBytes() - before).toBeLessThan(4 * MIB);
    expect(reasonsFor(raw.from).join()).toMatch(reason);
    await join("127.9.0.2");
  });
});

describe("a malformed message closes the connection:", () => {
  it.each([
    ["a bitfield that is too short", frame(5, Buffer.alloc(2)), /a bitfield of 2 bytes instead of 3/],
    ["a bitfield that is too long", frame(5, Buffer.alloc(4)), /a bitfield of 4 bytes instead of 3/],
    ["a bitfield with spare bits set", frame(5, Buffer.of(0, 0, 1)), /spare bits set in the bitfield/],
    [
      "have none after a late bitfield, which would take it back",
      Buffer.concat([frame(4, 1), frame(5, Buffer.alloc(3)), frame(15)]),
      /have none after other messages/,
    ],
    ["a have of piece -1", frame(4, -1), /piece 4294967295 of 20/],
    ["a request of piece -1", frame(6, -1, 0, BLOCK), /piece 4294967295 of 20/],
    ["a request from offset -1 on", frame(6, 0, -1, BLOCK), /block 4294967295\+16384 of piece 0/],
    ["a request of -1 bytes", frame(6, 0, 0, -1), /block 0\+4294967295 of piece 0/],
    ["a block of piece -1", frame(7, -1, 0, Buffer.alloc(BLOCK)), /piece 4294967295 of 20/],
    ["a block at offset -1", frame(7, 0, -1, Buffer.alloc(BLOCK)), /block 4294967295\+16384 of piece 0/],
    ["a cancel of piece -1", frame(8, -1, 0, BLOCK), /piece 4294967295 of 20/],
    ["a reject of piece -1", frame(16, -1, 0, BLOCK), /piece 4294967295 of 20/],
    ["an extended handshake that is no bencode", extended("d1:m"), /extended handshake: /],
    ["an extended handshake with names that are none", extended("d1:mle"), /extended handshake: /],
    ["an extended handshake nested 60,000 deep", extended(deep), /extended handshake: .*nest|deep|depth/],
    ["an extended handshake with __proto__", extended("d1:md9:__proto__d1:xi1eeee"), /__proto__/],
  ])("%s", async (_, bytes, reason) => {
    const { join, peer, reasonsFor } = await victim();
    const raw = await join();
    const before = heldBytes();
    raw.socket.write(bytes);
    await raw.closed();
    await until("it is forgotten", () => peer.torrent.connectionCount === 0);
    expect(reasonsFor(raw.from).join()).toMatch(reason);
    expect(heldBytes() - before).toBeLessThan(4 * MIB);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
    await join("127.9.0.2");
  });
});

describe("who does not shake hands is dropped, and the log says why:", () => {
  it.each([
    ["half a handshake and silence", Buffer.from("\x13BitTorrent protocol"), /no handshake in time/],
    ["silence", Buffer.alloc(0), /no handshake in time/],
    ["an encrypted handshake with a public key of 0", Buffer.alloc(96), /a public key that is none/],
    // What begins otherwise may be a public key of 96 bytes.
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\n\r\n"), /no handshake in time/],
    [
      "another protocol, at length",
      Buffer.concat([Buffer.from("GET / HTTP/1.1\r\n"), Buffer.alloc(1024, "x")]),
      /neither a handshake nor its encryption/,
    ],
    [
      "another protocol of a name as long",
      Buffer.concat([Buffer.from("\x13BitTorrent protocoL"), Buffer.alloc(48)]),
      /no handshake in time/,
    ],
    [
      "a torrent that is not here",
      Buffer.concat([Buffer.from("\x13BitTorrent protocol"), Buffer.alloc(8), Buffer.alloc(40, 0xab)]),
      /torrent (ab){20} is not here/,
    ],
  ])("%s", async (_, bytes, reason) => {
    const clock = new ManualClock();
    const { dial, peer, reasonsFor } = await victim({ clock });
    const raw = await dial();
    if (bytes.length > 0) raw.socket.write(bytes);
    await until("it is dropped", () => {
      clock.advance(50);
      return raw.isClosed;
    });
    expect(reasonsFor(raw.from).join()).toMatch(reason);
    expect(peer.torrent.connectionCount).toBe(0);
  });
});

describe("500,000 requests", () => {
  it("of a peer that is unchoked fill its queue of 512, are rejected beyond it, and fill no memory", {
    timeout: 60_000,
  }, async () => {
    const { join, peer } = await victim({ seeds: true, limitUp: BLOCK });
    const raw = await join();
    raw.wire.interested();
    await raw.received("unchoke");
    let rejects = 0;
    let blocks = 0;
    // Their number is enough: kept one by one, they would be what fills the memory.
    raw.wire.on("reject", () => {
      rejects++;
      raw.messages.length = 0;
    });
    raw.wire.on("piece", () => {
      blocks++;
      raw.blocks.length = 0;
    });
    const request = frame(6, 3, 0, BLOCK);
    const flood = Buffer.concat(new Array<Buffer>(5_000).fill(request));
    const before = heldBytes();
    const queued = LIMITS.peer.requestsQueuedPerConnection;
    // Whoever does not read the rejects is closed: another test.
    for (let sent = 5_000; sent <= 500_000; sent += 5_000) {
      raw.socket.write(flood);
      await until("all that find no place are rejected", () => rejects + blocks >= sent - queued);
    }
    expect(raw.isClosed).toBe(false);
    expect(rejects).toBeGreaterThan(499_000);
    expect(heldBytes() - before).toBeLessThan(8 * MIB);
    expect(peer.errors).toEqual([]);
  });
});

describe("1,000 connections of one address", () => {
  it("that shake hands leave room for others, and fill no memory", { timeout: 60_000 }, async () => {
    const { join, peer, reasonsFor } = await victim();
    const before = heldBytes();
    const crowd: RawPeer[] = [];
    for (let n = 0; n < 1_000; n += 20) {
      const some = Array.from({ length: 20 }, () => join("127.9.0.2").catch(() => undefined));
      for (const raw of await Promise.all(some)) if (raw) crowd.push(raw);
    }
    const most = LIMITS.peer.connectionsPerTorrent;
    expect(crowd.filter((raw) => !raw.isClosed).length).toBe(most);
    for (let n = 3; n < 23; n++) await join(`127.9.0.${n}`);
    expect(peer.torrent.connectionCount).toBe(most);
    expect(heldBytes() - before).toBeLessThan(32 * MIB);
    const evicted = crowd.find((raw) => raw.isClosed);
    expect(reasonsFor(evicted?.from ?? "")).toContain("made way for another address");
  });

  it("that say nothing leave room for others, and the log says why they were dropped", async () => {
    const { dial, join, reasonsFor } = await victim();
    const before = heldBytes();
    const silent: RawPeer[] = [];
    for (let n = 0; n < 1_000; n += 100) {
      silent.push(...(await Promise.all(Array.from({ length: 100 }, () => dial("127.9.0.2")))));
    }
    await until("all but 200 are dropped", () => silent.filter((raw) => raw.isClosed).length === 800);
    await join("127.9.0.3");
    await until("one made way", () => silent.filter((raw) => raw.isClosed).length === 801);
    expect(heldBytes() - before).toBeLessThan(16 * MIB);
    expect(reasonsFor(silent.find((raw) => raw.isClosed)?.from ?? "")).toContain(
      "made way for another address",
    );
    const dropped = silent.findLast((raw) => raw.isClosed);
    // The port may have been given twice.
    expect(new Set(reasonsFor(dropped?.from ?? ""))).toEqual(
      new Set(["too many connections that have not said what they want"]),
    );
  });
});
