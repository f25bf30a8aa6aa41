import { encodeBencode, LIMITS } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameGuard } from "../src/wire/frame-guard.ts";
import { readUint32 } from "../src/wire/message.ts";
import { claim, extended, frame, uint32 } from "./support/frames.ts";
import { KIB } from "./support/torrents.ts";

/** 20 pieces of 256 KiB, the last of 100 bytes: a bitfield has 3 bytes. */
const shape = { pieceCount: 20, pieceSize: (piece: number) => (piece === 19 ? 100 : 256 * KIB) };
const MIB = KIB * KIB;

const handshake = Buffer.concat([
  Buffer.from("\x13BitTorrent protocol", "latin1"),
  Buffer.alloc(8),
  Buffer.alloc(20, 0x11),
  Buffer.alloc(20, 0x22),
]);
const keepAlive = Buffer.alloc(4);

function guardOf() {
  const passed: Buffer[] = [];
  // Copied, as the wire keeps what it was given: a guard that wrote into it later would be seen.
  const kept: Uint8Array[] = [];
  const guard = new FrameGuard(shape, (frames) => {
    passed.push(Buffer.from(frames));
    // The memory of a block that came in parts is used again.
    const isOneBlock = frames[4] === 7 && frames.length === 4 + readUint32(frames, 0);
    kept.push(isOneBlock ? Uint8Array.from(frames) : frames);
  });
  return { guard, bytes: () => Buffer.concat(passed), keptBytes: () => Buffer.concat(kept) };
}

/** What the guard says to these frames after a handshake. */
function verdict(...frames: Uint8Array[]): string | undefined {
  return guardOf().guard.push(Buffer.concat([handshake, ...frames]));
}

const piece = fc.integer({ min: 0, max: 19 });
const block = fc.record({
  piece,
  begin: fc.integer({ min: 0, max: 99 }),
  length: fc.integer({ min: 1, max: 100 }),
});
const fitting = block.filter(({ piece, begin, length }) => piece < 19 || begin + length <= 100);
const legalFrame = fc.oneof(
  fc.constant(keepAlive),
  fc.constantFrom(0, 1, 2, 3).map((id) => frame(id)),
  piece.map((p) => frame(4, p)),
  piece.map((p) => frame(13, p)),
  piece.map((p) => frame(17, p)),
  fc.constant(frame(5, Buffer.of(0xff, 0, 0x10))),
  fitting.chain((b) => fc.constantFrom(6, 8, 16).map((id) => frame(id, b.piece, b.begin, b.length))),
  fitting.map((b) => frame(7, b.piece, b.begin, Buffer.alloc(b.length, b.begin))),
  fc.constant(frame(9, Buffer.of(0x1a, 0xe1))),
  fc.constant(extended(encodeBencode({ m: { ut_pex: 1 }, p: 6881 }))),
  fc.uint8Array({ maxLength: 50 }).map((bytes) => frame(20, Buffer.of(7), bytes)),
  fc.uint8Array({ maxLength: 50 }).map((bytes) => frame(200, bytes)),
);

describe("the frame guard", () => {
  it("passes the same bytes however a legal stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(legalFrame, { maxLength: 30 }),
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }),
        (frames, cuts) => {
          const stream = Buffer.concat([handshake, ...frames]);
          const { guard, bytes, keptBytes } = guardOf();
          for (let at = 0, i = 0; at < stream.length; i++) {
            const size = cuts[i % cuts.length] ?? 1;
            expect(guard.push(Buffer.from(stream.subarray(at, at + size)))).toBeUndefined();
            at += size;
          }
          expect(bytes().equals(stream)).toBe(true);
          expect(keptBytes().equals(stream)).toBe(true);
        },
      ),
    );
  });

  it("passes the same bytes when they come one at a time", () => {
    const stream = Buffer.concat([
      handshake,
      keepAlive,
      keepAlive,
      frame(4, 3),
      frame(0),
      keepAlive,
      frame(7, 1, 0, Buffer.of(9)),
    ]);
    const { guard, bytes } = guardOf();
    for (const byte of stream) expect(guard.push(Buffer.of(byte))).toBeUndefined();
    expect(bytes().equals(stream)).toBe(true);
  });

  it.each([
    ["a bitfield", frame(5, Buffer.alloc(3))],
    ["a message of an extension", extended("d1:pi6881ee")],
    ["a message that it does not know", frame(99, 1, 2, 3)],
  ])("copies what somebody may keep, and nothing else: %s", (_, message) => {
    const passed: Uint8Array[] = [];
    const guard = new FrameGuard(shape, (frames) => passed.push(frames));
    guard.push(handshake);
    const others = Buffer.concat([frame(7, 1, 0, Buffer.of(9)), frame(6, 1, 0, 9), frame(4, 3)]);
    const chunk = Buffer.concat([others, message, message, others]);
    guard.push(chunk);
    expect(Buffer.concat(passed)).toEqual(Buffer.concat([handshake, chunk]));
    // Who keeps one keeps no more than that.
    const memories = passed
      .slice(1)
      .map(({ buffer }) => (buffer === chunk.buffer ? "the chunk's" : buffer.byteLength));
    expect(memories).toEqual(["the chunk's", message.length, message.length, "the chunk's"]);
  });

  it("passes only whole frames", () => {
    const { guard, bytes } = guardOf();
    guard.push(handshake);
    guard.push(frame(4, 3).subarray(0, 8));
    expect(bytes().equals(handshake)).toBe(true);
    guard.push(frame(4, 3).subarray(8));
    expect(bytes().equals(Buffer.concat([handshake, frame(4, 3)]))).toBe(true);
  });

  it("answers with a reason or undefined to any bytes, whole or cut, and never throws", () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.oneof(fc.uint8Array({ maxLength: 300 }), legalFrame), { maxLength: 20 }),
        (shaken, chunks) => {
          const { guard } = guardOf();
          if (shaken) guard.push(handshake);
          for (const chunk of chunks) {
            const wrong = guard.push(chunk);
            if (wrong === undefined) continue;
            expect(wrong).not.toBe("");
            return;
          }
        },
      ),
    );
  });
});

describe("the frame guard refuses", () => {
  const deep = `d1:m${"l".repeat(60_000)}${"e".repeat(60_000)}e`;
  const manyNames = encodeBencode({
    m: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`x${i}`, 1])),
  });

  it.each([
    ["a length that is negative as a signed number", claim(0xffffffff, 7), /message 7 of 4294967295 bytes/],
    ["a length of 2 GiB", claim(0x7fffffff, 7), /message 7 of 2147483647 bytes/],
    ["a length of 2 GiB of an unknown message", claim(0x7fffffff, 99), /message 99 of/],
    ["a bitfield of 32 MB", claim(32 * MIB + 1, 5), /a bitfield of 33554432 bytes instead of 3/],
    ["a bitfield that is too short", frame(5, Buffer.alloc(2)), /a bitfield of 2 bytes instead of 3/],
    ["a have of a piece too far", frame(4, 20), /piece 20 of 20/],
    ["a have of a negative piece", frame(4, -1), /piece 4294967295 of 20/],
    ["a suggestion of a piece too far", frame(13, 20), /piece 20/],
    ["an allowed-fast piece too far", frame(17, 20), /piece 20/],
    ["a request of a piece too far", frame(6, 20, 0, 1), /piece 20/],
    ["a cancel of a negative piece", frame(8, -5, 0, 1), /piece 4294967291/],
    ["a reject of a piece too far", frame(16, 21, 0, 1), /piece 21/],
    ["a block of a piece too far", frame(7, 20, 0, Buffer.of(1)), /piece 20/],
    ["a request of nothing", frame(6, 0, 0, 0), /block 0\+0 of piece 0/],
    ["a request of more than 256 KiB", frame(6, 0, 0, LIMITS.peer.requestBytesMost + 1), /block 0\+262145/],
    ["a request of a negative offset", frame(6, 0, -1, 2), /block 4294967295\+2/],
    ["a request of a negative length", frame(6, 0, 0, -1), /block 0\+4294967295/],
    ["a request beyond the end of its piece", frame(6, 0, 256 * KIB - 1, 2), /block 262143\+2/],
    ["a request beyond the end of the short last piece", frame(6, 19, 90, 11), /block 90\+11 of piece 19/],
    ["a block beyond the end of its piece", frame(7, 19, 99, Buffer.alloc(2)), /block 99\+2 of piece 19/],
    ["an empty block", frame(7, 0, 0), /message 7 of 9 bytes/],
    ["a have that is cut short", frame(4, Buffer.alloc(3)), /message 4 of 4 bytes/],
    ["a request that is cut short", frame(6, 0, 0), /message 6 of 9 bytes/],
    ["a choke with something in it", frame(0, 1), /message 0 of 5 bytes/],
    ["a port of one byte", frame(9, Buffer.of(1)), /message 9 of 2 bytes/],
    ["an extended message of nothing", frame(20), /message 20 of 1 bytes/],
    ["an extended message of more than 128 KiB", claim(3 + LIMITS.peer.extensionBytes, 20), /message 20/],
    ["have all a second time", Buffer.concat([frame(14), frame(4, 1), frame(14)]), /have all twice/],
    ["have none after have all", Buffer.concat([frame(14), frame(15)]), /have none after other messages/],
    ["have none after a have", Buffer.concat([frame(4, 1), frame(15)]), /have none after other messages/],
    [
      "have none after a bitfield",
      Buffer.concat([frame(5, Buffer.alloc(3)), frame(15)]),
      /have none after other messages/,
    ],
    ["an extended handshake that is no bencode", extended("hello"), /extended handshake: not valid bencode/],
    ["an extended handshake that is no dictionary", extended("i1e"), /extended handshake/],
    ["an extended handshake nested 60,000 deep", extended(deep), /extended handshake/],
    ["an extended handshake with __proto__", extended("d1:md9:__proto__i1eee"), /__proto__/],
    ["names that are no dictionary", extended("d1:mi1ee"), /m is no dictionary/],
    ["an extension id that is text", extended("d1:md2:ut1:1ee"), /an extension id that is no byte/],
    ["an extension id that is negative", extended("d1:md2:uti-1eee"), /an extension id that is no byte/],
    ["an extension id beyond a byte", extended("d1:md2:uti256eee"), /an extension id that is no byte/],
    ["more than 64 extensions", extended(manyNames), /65 extensions/],
    [
      "more than 64 extensions, one after the other",
      Buffer.concat(Array.from({ length: 65 }, (_, i) => extended(encodeBencode({ m: { [`x${i}`]: 1 } })))),
      /65 extensions/,
    ],
    [
      "a name of 256 characters",
      extended(encodeBencode({ m: { ["x".repeat(256)]: 1 } })),
      /an extension name of 256 characters/,
    ],
  ])("%s", (_, frames, reason) => {
    expect(verdict(frames)).toMatch(reason);
  });

  it("them as well when they come one byte at a time", () => {
    for (const bad of [claim(0xffffffff, 7), frame(4, 20), frame(6, 0, 0, 0), frame(5, Buffer.alloc(2))]) {
      const { guard } = guardOf();
      const answers = [...handshake, ...bad].map((byte) => guard.push(Buffer.of(byte)));
      expect(answers.filter((answer) => answer !== undefined).length).toBeGreaterThan(0);
    }
  });

  it("another protocol", () => {
    expect(guardOf().guard.push(Buffer.alloc(68, "GET / HTTP/1.1\r\n"))).toMatch(/BitTorrent/);
  });

  it("a huge frame at its fifth byte, before anything is put aside for it", () => {
    const { guard } = guardOf();
    guard.push(handshake);
    expect(guard.push(uint32(0x7fffffff))).toBeUndefined();
    expect(guard.push(Buffer.of(7))).toMatch(/message 7/);
  });
});

describe("the frame guard lets pass", () => {
  it.each([
    ["messages it does not know", frame(99, 1, 2, 3)],
    ["a bitfield in mid connection, as aria2 sends", Buffer.concat([frame(4, 1), frame(5, Buffer.alloc(3))])],
    ["have all after haves, as aria2 sends when it completes", Buffer.concat([frame(4, 1), frame(14)])],
    ["have all after have none", Buffer.concat([frame(15), frame(14)])],
    ["a request of 256 KiB", frame(6, 0, 0, LIMITS.peer.requestBytesMost)],
    ["the last byte of the last piece", frame(6, 19, 99, 1)],
    ["an extended handshake without names", extended("d1:pi6881ee")],
    ["an extension that is switched off", extended("d1:md6:ut_pexi0eee")],
  ])("%s", (_, frames) => {
    expect(verdict(frames)).toBeUndefined();
  });
});
