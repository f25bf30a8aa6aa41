import { LIMITS } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActivePiece } from "../src/exchange/block-book.ts";
import { FrameGuard } from "../src/wire/frame-guard.ts";
import { Landing } from "../src/wire/landing.ts";
import { frame } from "./support/frames.ts";
import { noise } from "./support/torrents.ts";

const BLOCK = LIMITS.peer.blockBytes;
const BLOCKS = 5;
/** The last block is short. */
const BYTES = (BLOCKS - 1) * BLOCK + 100;

describe("a block on its way into its piece", () => {
  it("lies elsewhere once its place is taken back, with what has come of it", () => {
    const place = new Uint8Array(10);
    const landing = new Landing(place);
    landing.add(Uint8Array.of(1, 2, 3));
    expect([...place.subarray(0, 4)]).toEqual([1, 2, 3, 0]);
    landing.takeBack();
    landing.add(Uint8Array.of(4, 5, 6, 7, 8, 9, 10));
    expect([...landing.bytes]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect([...place]).toEqual([1, 2, 3, 0, 0, 0, 0, 0, 0, 0]);
  });

  it("has no place where another is on its way, until that one ends, nor where one is there", () => {
    const piece = new ActivePiece(0, new Uint8Array(BYTES));
    const first = piece.land(1, 2 * BLOCK);
    expect(first).toBeDefined();
    for (const block of [1, 2]) expect(piece.land(block, BLOCK)).toBeUndefined();
    expect(piece.land(3, BLOCK)).toBeDefined();
    first?.end();
    expect(piece.land(2, BLOCK)).toBeDefined();
    piece.received(1, new Uint8Array(BLOCK), {});
    expect(piece.land(0, 2 * BLOCK)).toBeUndefined();
  });

  it("never touches what came from others, nor a buffer that was given back", () => {
    const ofSource = fc.record({
      block: fc.integer({ min: 0, max: BLOCKS - 1 }),
      blocks: fc.integer({ min: 1, max: 3 }),
      whole: fc.boolean(),
    });
    const step = fc.oneof(
      ofSource.map((given) => ({ kind: "sends" as const, ...given })),
      fc.record({
        kind: fc.constant("goes on" as const),
        at: fc.nat(),
        bytes: fc.integer({ min: 1, max: 2 * BLOCK }),
      }),
      fc.record({ kind: fc.constant("closes" as const), at: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const piece = new ActivePiece(0, new Uint8Array(BYTES));
        const open: {
          landing: Landing;
          block: number;
          length: number;
          left: number;
          source: { byte: number };
        }[] = [];
        let sources = 0;
        const holds = () => {
          for (const [block, source] of piece.sources.entries()) {
            if (!source) continue;
            const bytes = piece.buffer.subarray(block * BLOCK, (block + 1) * BLOCK);
            const { byte } = source as { byte: number };
            expect(bytes.every((one) => one === byte)).toBe(true);
          }
        };
        const goOn = (at: number, most: number) => {
          const one = open[at] as (typeof open)[number];
          const bytes = Math.min(most, one.left);
          one.landing.add(new Uint8Array(bytes).fill(one.source.byte));
          one.left -= bytes;
          if (one.left > 0) return;
          expect(one.landing.bytes.every((byte) => byte === one.source.byte)).toBe(true);
          piece.received(one.block, one.landing.bytes, one.source);
          one.landing.end();
          open.splice(at, 1);
        };
        for (const given of steps) {
          if (given.kind === "sends") {
            const source = { byte: ++sources };
            const length = Math.min(given.blocks * BLOCK, BYTES - given.block * BLOCK);
            const landing = given.whole ? undefined : piece.land(given.block, length);
            if (landing) open.push({ landing, block: given.block, length, left: length, source });
            else piece.received(given.block, new Uint8Array(length).fill(source.byte), source);
          } else if (open.length > 0) {
            const at = given.at % open.length;
            if (given.kind === "goes on") goOn(at, given.bytes);
            else open.splice(at, 1)[0]?.landing.end();
          }
          holds();
        }
        piece.endLandings();
        const before = Uint8Array.from(piece.buffer);
        for (const { landing, left, source } of open) landing.add(new Uint8Array(left).fill(source.byte));
        expect(piece.buffer).toEqual(before);
      }),
      { numRuns: 200 },
    );
  });
});

describe("a guard whose blocks have a place", () => {
  const shape = { pieceCount: 4, pieceSize: () => 64 * 1024 };
  const handshake = Buffer.concat([Buffer.from("\x13BitTorrent protocol", "latin1"), Buffer.alloc(48)]);

  it("tells the same messages and blocks in the same order, however they are cut", () => {
    const block = fc.record({
      piece: fc.integer({ min: 0, max: 3 }),
      length: fc.integer({ min: 1, max: 3000 }),
    });
    const message = fc.oneof(
      block.map(({ length, piece }) => frame(7, piece, 16, noise(length, piece))),
      fc.integer({ min: 0, max: 3 }).map((piece) => frame(4, piece)),
      fc.constant(frame(1)),
    );
    const cuts = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), cuts, fc.boolean(), (messages, sizes, isTaken) => {
        const told: string[] = [];
        const tell = (piece: number, begin: number, bytes: Uint8Array) =>
          told.push(`block ${piece} ${begin} ${Buffer.from(bytes).toString("hex")}`);
        const pass = (frames: Uint8Array) => {
          for (let at = 0; at < frames.length; ) {
            const bytes = Buffer.from(frames.subarray(at));
            if (told.length === 0) {
              told.push("handshake");
              at += 68;
              continue;
            }
            const end = 4 + bytes.readUInt32BE(0);
            if (bytes[4] === 7) tell(bytes.readUInt32BE(5), bytes.readUInt32BE(9), bytes.subarray(13, end));
            else told.push(bytes.subarray(4, end).toString("hex"));
            at += end;
          }
        };
        const lengths: number[] = [];
        const land = (_: number, __: number, length: number) => {
          const landing = new Landing(new Uint8Array(length));
          if (isTaken) landing.takeBack();
          return landing;
        };
        const guard = new FrameGuard(shape, pass, (_, length) => lengths.push(length), {
          land,
          landed: tell,
        });
        const stream = Buffer.concat([handshake, ...messages]);
        for (let at = 0, cut = 0; at < stream.length; cut++) {
          const size = sizes[cut % sizes.length] as number;
          // The memory is another's once it returns.
          const chunk = Buffer.from(stream.subarray(at, at + size));
          expect(guard.push(chunk)).toBeUndefined();
          chunk.fill(0xee);
          at += size;
        }
        const expected = messages.map((one) =>
          one[4] === 7
            ? `block ${one.readUInt32BE(5)} ${one.readUInt32BE(9)} ${one.subarray(13).toString("hex")}`
            : one.subarray(4).toString("hex"),
        );
        expect(told).toEqual(["handshake", ...expected]);
        expect(lengths).toEqual(messages.map((one) => one.length - 4));
      }),
      { numRuns: 300 },
    );
  });

  it("takes nothing more once it has ended", () => {
    const told: Uint8Array[] = [];
    const place = new Uint8Array(100);
    const guard = new FrameGuard(shape, (frames) => told.push(frames), undefined, {
      land: () => new Landing(place),
      landed: (_, __, bytes) => told.push(bytes),
    });
    const message = frame(7, 0, 0, new Uint8Array(100).fill(1));
    guard.push(Buffer.concat([handshake, message.subarray(0, 50)]));
    guard.end();
    const [before, count] = [Uint8Array.from(place), told.length];
    guard.push(message.subarray(50));
    expect(place).toEqual(before);
    expect(told.length).toBe(count);
  });
});
