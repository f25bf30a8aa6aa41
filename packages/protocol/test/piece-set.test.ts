import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PieceSet } from "../src/piece-set.ts";

const pieceCount = fc.integer({ min: 0, max: 70 });
const story = pieceCount.chain((count) =>
  fc.tuple(
    fc.constant(count),
    fc.array(fc.record({ add: fc.boolean(), piece: fc.integer({ min: 0, max: Math.max(0, count - 1) }) })),
  ),
);

describe("a set of pieces", () => {
  it("behaves as a Set of numbers does", () => {
    fc.assert(
      fc.property(story, ([count, steps]) => {
        const set = new PieceSet(count);
        const model = new Set<number>();
        for (const { add, piece } of count > 0 ? steps : []) {
          if (add) expect(set.add(piece)).toBe(!model.has(piece));
          else expect(set.delete(piece)).toBe(model.has(piece));
          if (add) model.add(piece);
          else model.delete(piece);
        }
        expect([...set]).toEqual([...model].sort((a, b) => a - b));
        const visited: number[] = [];
        set.each((piece) => visited.push(piece));
        expect(visited).toEqual([...set]);
        expect(set.size).toBe(model.size);
        expect(set.isFull).toBe(model.size === count);
        const copy = PieceSet.fromBitfield(set.toBitfield(), count);
        expect(copy && [...copy]).toEqual([...set]);
        expect(copy?.size).toBe(set.size);
      }),
    );
  });

  const walks: [string, (set: PieceSet, visit: (piece: number) => void) => void][] = [
    [
      "for",
      (set, visit) => {
        for (const piece of set) visit(piece);
      },
    ],
    ["each", (set, visit) => set.each(visit)],
  ];

  it.each(walks)("is walked through by %s as it is when the walk gets there", (_, walk) => {
    const set = new PieceSet(64);
    for (const piece of [3, 4, 5, 40]) set.add(piece);
    const walked: number[] = [];
    walk(set, (piece) => {
      walked.push(piece);
      if (piece !== 3) return;
      set.delete(4);
      set.delete(40);
      for (const later of [0, 6, 63]) set.add(later);
    });
    expect(walked).toEqual([3, 5, 6, 63]);
  });

  it("is copied whole, and changes no more with its copy than that with it", () => {
    const set = PieceSet.full(11);
    set.delete(3);
    const copy = set.copy();
    expect([...copy]).toEqual([...set]);
    expect(copy.size).toBe(10);
    copy.delete(4);
    set.add(3);
    expect(set.isFull).toBe(true);
    expect([...copy]).toEqual([0, 1, 2, 5, 6, 7, 8, 9, 10]);
  });

  it("takes over another one, and says whether that was news", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40)), fc.uniqueArray(fc.nat(40)), (a, b) => {
        const [one, other] = [new PieceSet(41), new PieceSet(41)];
        for (const piece of a) one.add(piece);
        for (const piece of b) other.add(piece);
        expect(one.addAll(other)).toBe(b.some((piece) => !a.includes(piece)));
        expect([...one]).toEqual([...new Set([...a, ...b])].sort((x, y) => x - y));
        expect(one.size).toBe(new Set([...a, ...b]).size);
      }),
    );
  });

  it("counts what another lacks of it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40)), fc.uniqueArray(fc.nat(40)), (a, b) => {
        const [one, other] = [a, b].map((pieces) => {
          const set = new PieceSet(41);
          for (const piece of pieces) set.add(piece);
          return set;
        }) as [PieceSet, PieceSet];
        expect(one.countMissingFrom(other)).toBe(a.filter((piece) => !b.includes(piece)).length);
      }),
    );
  });

  it("knows whether it has a piece in common with another", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40)), fc.uniqueArray(fc.nat(40)), (a, b) => {
        expect(setOf(a).overlaps(setOf(b))).toBe(a.some((piece) => b.includes(piece)));
      }),
    );
  });

  it("that is full has every piece and no spare bit", () => {
    for (const count of [0, 1, 7, 8, 9, 16, 17]) {
      const full = PieceSet.full(count);
      expect([...full].length).toBe(count);
      expect(full.size).toBe(count);
      expect(PieceSet.fromBitfield(full.toBitfield(), count)?.isFull).toBe(true);
    }
  });

  it("has the first piece in the highest bit, as the wire does (BEP 3)", () => {
    const set = new PieceSet(10);
    set.add(0);
    set.add(9);
    expect([...set.toBitfield()]).toEqual([0x80, 0x40]);
  });

  it("is not made of a bitfield of the wrong length or with spare bits set", () => {
    expect(PieceSet.fromBitfield(Uint8Array.of(0xff), 9)).toBeUndefined();
    expect(PieceSet.fromBitfield(Uint8Array.of(0xff, 0x80, 0), 9)).toBeUndefined();
    expect(PieceSet.fromBitfield(Uint8Array.of(0xff, 0xc0), 9)).toBeUndefined();
    expect(PieceSet.fromBitfield(Uint8Array.of(0xff, 0x80), 9)?.isFull).toBe(true);
  });

  it("has no pieces outside its torrent", () => {
    const set = new PieceSet(8);
    for (const none of [8, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(set.add(none)).toBe(false);
      expect(set.has(none)).toBe(false);
      expect(set.delete(none)).toBe(false);
    }
    expect(set.size).toBe(0);
  });

  it("tells of pieces in neither of two others", () => {
    const sets = fc.array(fc.uniqueArray(fc.nat(40)), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(sets, ([a = [], b = [], c = []]) => {
        const [one, other, third] = [a, b, c].map(setOf) as [PieceSet, PieceSet, PieceSet];
        expect(one.hasBeyond(other, third)).toBe(a.some((piece) => !b.includes(piece) && !c.includes(piece)));
        expect(one.beyond(other)).toEqual(a.filter((piece) => !b.includes(piece)).sort((x, y) => x - y));
      }),
    );
  });

  it("takes over a part of a bitfield, and says whether a piece went out by it", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(40)), fc.uniqueArray(fc.nat(15)), (a, b) => {
        const set = setOf(a);
        const part = new PieceSet(16);
        for (const piece of b) part.add(piece);
        const inPart = (piece: number) => piece >= 16 && piece < 32;
        const kept = a.filter((piece) => !inPart(piece));
        expect(set.overwrite(part.toBitfield(), 16)).toBe(
          a.some((piece) => inPart(piece) && !b.includes(piece - 16)),
        );
        expect([...set]).toEqual([...kept, ...b.map((piece) => piece + 16)].sort((x, y) => x - y));
      }),
    );
  });

  it("takes over nothing of a bitfield that begins nowhere in the torrent", () => {
    const set = setOf([0, 40]);
    for (const from of [
      -1e16,
      -1e9,
      41,
      1e16,
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]) {
      expect(set.overwrite(Uint8Array.of(0xff, 0), from)).toBe(false);
    }
    expect([...set]).toEqual([0, 40]);
  });

  it("gives its bitfield away as a copy", () => {
    const set = new PieceSet(8);
    set.toBitfield()[0] = 0xff;
    expect(set.size + [...set].length).toBe(0);
  });
});

function setOf(pieces: readonly number[]): PieceSet {
  const set = new PieceSet(41);
  for (const piece of pieces) set.add(piece);
  return set;
}
