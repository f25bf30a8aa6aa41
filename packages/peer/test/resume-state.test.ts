import { encodeBencode, infoHashFromBytes, PieceSet } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type FileStamp, isSettled, MISSING, NO_FILE } from "../src/disk/file-stamp.ts";
import { decodeResume, encodeResume, type ResumeState, resumeBytesMost } from "../src/disk/resume-state.ts";
import { stillVerified } from "../src/disk/still-verified.ts";
import { infoHash } from "./support/samples.ts";

const SECOND_NS = 1_000_000_000n;

const stamps: fc.Arbitrary<FileStamp | undefined> = fc.oneof(
  fc.record({ size: fc.maxSafeNat(), mtimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) }),
  fc.constant(NO_FILE),
  fc.constant(undefined),
);

const states: fc.Arbitrary<ResumeState> = fc
  .record({
    hash: fc.uint8Array({ minLength: 20, maxLength: 20 }),
    pieces: fc.array(fc.boolean(), { maxLength: 300 }),
    stamps: fc.array(stamps, { maxLength: 20 }),
  })
  .map(({ hash, pieces, stamps }) => {
    const have = new PieceSet(pieces.length);
    for (const [piece, isThere] of pieces.entries()) if (isThere) have.add(piece);
    return { infoHash: infoHashFromBytes(hash), have, stamps };
  });

function shapeOf({ infoHash, have, stamps }: ResumeState) {
  return { infoHash, pieceCount: have.pieceCount, fileCount: stamps.length };
}

function plain({ infoHash, have, stamps }: ResumeState) {
  return { infoHash, have: [...have], of: have.pieceCount, stamps };
}

describe("a saved state", () => {
  it("is read as it was written, and is no longer than what is read at most", () => {
    fc.assert(
      fc.property(states, (state) => {
        const bytes = encodeResume(state);
        expect(bytes.length).toBeLessThanOrEqual(resumeBytesMost(shapeOf(state)));
        const read = decodeResume(bytes, shapeOf(state));
        expect(read.ok && plain(read.value)).toEqual(plain(state));
      }),
    );
  });

  it("is refused with any of its bytes changed", () => {
    fc.assert(
      fc.property(states, fc.nat(), fc.integer({ min: 1, max: 255 }), (state, at, change) => {
        const bytes = Uint8Array.from(encodeResume(state));
        const index = at % bytes.length;
        bytes[index] = (bytes[index] ?? 0) ^ change;
        expect(decodeResume(bytes, shapeOf(state)).ok).toBe(false);
      }),
    );
  });

  it("is refused as cut short wherever it ends", () => {
    fc.assert(
      fc.property(states, fc.nat(), (state, at) => {
        const bytes = encodeResume(state);
        const read = decodeResume(bytes.subarray(0, at % bytes.length), shapeOf(state));
        expect(!read.ok && read.error.message).toBe("is cut short or damaged");
      }),
    );
  });

  it("is refused when it is anything else, and nothing is thrown", () => {
    const shape = { infoHash, pieceCount: 10, fileCount: 2 };
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeResume(bytes, shape).ok).toBe(false);
      }),
    );
  });

  it("is refused when it does not fit the torrent", () => {
    const state: ResumeState = { infoHash, have: PieceSet.full(10), stamps: [NO_FILE] };
    const fits = shapeOf(state);
    const bytes = encodeResume(state);
    expect(decodeResume(bytes, fits).ok).toBe(true);
    for (const shape of [
      { ...fits, pieceCount: 17 },
      { ...fits, pieceCount: 9 },
      { ...fits, fileCount: 2 },
    ]) {
      expect(decodeResume(bytes, shape).ok).toBe(false);
    }
  });

  it.each([
    ["d6:format19:CacheTorrent resume7:versioni2ee", "has version 2, and only version 1 is known here"],
    ["d6:format19:CacheTorrent resumee", "is cut short or damaged"],
    [encodeBencode({ format: "another program" }), "is no resume file of CacheTorrent"],
    ["my diary", "is no resume file of CacheTorrent"],
    ["", "is cut short or damaged"],
  ])("%s: %s", (bytes, fault) => {
    const read = decodeResume(Buffer.from(bytes), { infoHash, pieceCount: 10, fileCount: 2 });
    expect(!read.ok && read.error.message).toBe(fault);
  });
});

describe("a stamp", () => {
  const stamp = { size: 1, mtimeNs: 100n * SECOND_NS + 5n };

  it("proves nothing while a second write would not change it", () => {
    expect(isSettled(stamp, stamp.mtimeNs)).toBe(false);
    expect(isSettled(stamp, stamp.mtimeNs + 19_000_000n)).toBe(false);
    expect(isSettled(stamp, stamp.mtimeNs + 20_000_000n)).toBe(true);
  });

  it("of whole seconds is of a file system that knows no others", () => {
    const coarse = { size: 1, mtimeNs: 100n * SECOND_NS };
    expect(isSettled(coarse, coarse.mtimeNs + SECOND_NS)).toBe(false);
    expect(isSettled(coarse, coarse.mtimeNs + 2n * SECOND_NS)).toBe(true);
  });

  it("of the future proves nothing", () => {
    expect(isSettled(stamp, 0n)).toBe(false);
  });

  it("of no file is always good", () => {
    expect(isSettled(NO_FILE, 0n)).toBe(true);
  });
});

describe("what is still verified", () => {
  const PIECE = 10;
  const sizes = fc.array(fc.record({ length: fc.nat({ max: 45 }), pad: fc.boolean() }), {
    minLength: 1,
    maxLength: 8,
  });
  type Fate = "unchanged" | "touched" | "resized" | "gone" | "unknown";
  const fates = fc.array(fc.constantFrom<Fate>("unchanged", "touched", "resized", "gone", "unknown"), {
    minLength: 8,
    maxLength: 8,
  });

  it("is never a piece of a file that changed or is not known, nor one beyond a file's end; no other is read", () => {
    fc.assert(
      fc.property(sizes, fates, fc.infiniteStream(fc.boolean()), (given, fates, had) => {
        let offset = 0;
        const files = given.map(({ length, pad }, index) => {
          offset += length;
          return { path: [String(index)], length, pad, offset: offset - length };
        });
        const pieceCount = Math.ceil(offset / PIECE);
        const metainfo = { files, pieceCount, pieceLength: PIECE };
        const have = new PieceSet(pieceCount);
        for (let piece = 0; piece < pieceCount; piece++) if (had.next().value) have.add(piece);
        const before = files.map((file, index) =>
          fates[index] === "unknown"
            ? undefined
            : { size: index % 3 === 2 ? MISSING : file.length, mtimeNs: 7n },
        );
        const found = files.map((file, index): FileStamp => {
          const was = before[index] ?? { size: file.length, mtimeNs: 7n };
          if (fates[index] === "touched") return { ...was, mtimeNs: 8n };
          if (fates[index] === "resized") return { ...was, size: was.size + 1 };
          return fates[index] === "gone" ? { size: MISSING, mtimeNs: 0n } : was;
        });
        const known = stillVerified(metainfo, { infoHash, have, stamps: before }, found);
        for (let piece = 0; piece < pieceCount; piece++) {
          const [start, end] = [piece * PIECE, piece * PIECE + PIECE];
          const touching = files.flatMap((file, index) =>
            !file.pad && file.length > 0 && file.offset < end && file.offset + file.length > start
              ? [index]
              : [],
          );
          const isChanged = touching.some((index) => fates[index] !== "unchanged");
          const isThere = touching.every((index) => (found[index]?.size ?? MISSING) !== MISSING);
          expect(known.have.has(piece)).toBe(have.has(piece) && !isChanged && isThere);
          expect(known.suspects.has(piece)).toBe(isChanged);
        }
      }),
    );
  });

  it("is nothing without a state: everything is read", () => {
    const files = [{ path: ["a"], length: 25, pad: false, offset: 0 }];
    const known = stillVerified({ files, pieceCount: 3, pieceLength: PIECE }, undefined, [
      { size: 25, mtimeNs: 1n },
    ]);
    expect([...known.have]).toEqual([]);
    expect([...known.suspects]).toEqual([0, 1, 2]);
    expect(known.changed).toEqual([0]);
  });
});
