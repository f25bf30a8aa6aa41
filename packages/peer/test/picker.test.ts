import { seededRandom } from "@cachetorrent/clock";
import { PieceSet } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Picker } from "../src/exchange/picker.ts";

const PIECES = 12;
const anything = () => true;

function setOf(pieces: Iterable<number>, pieceCount = PIECES): PieceSet {
  const set = new PieceSet(pieceCount);
  for (const piece of pieces) set.add(piece);
  return set;
}

/** As plain as it can be said: how many hold each piece, and which are open. */
class Model {
  readonly counts = new Array<number>(PIECES).fill(0);
  readonly open = new Set(Array.from({ length: PIECES }, (_, piece) => piece));

  /** All pieces that may be picked. */
  picks(allowed: (piece: number) => boolean): number[] {
    const able = [...this.open].filter((piece) => this.#count(piece) > 0 && allowed(piece));
    const least = Math.min(...able.map((piece) => this.#count(piece)));
    return able.filter((piece) => this.#count(piece) === least);
  }

  #count(piece: number): number {
    return this.counts[piece] ?? 0;
  }
}

const piece = fc.integer({ min: 0, max: PIECES - 1 });
const pieces = fc.uniqueArray(piece);
const step = fc.oneof(
  fc.record({ what: fc.constant("joined" as const), pieces }),
  fc.record({ what: fc.constant("left" as const), pieces }),
  fc.record({ what: fc.constant("gained" as const), pieces: fc.tuple(piece) }),
  fc.record({ what: fc.constant("close" as const), pieces: fc.tuple(piece) }),
  fc.record({ what: fc.constant("open" as const), pieces: fc.tuple(piece) }),
);

describe("the picker", () => {
  it("picks a rarest open piece that is allowed, after any story", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80 }),
        pieces,
        pieces,
        fc.integer(),
        (story, held, forbidden, seed) => {
          const picker = new Picker(PIECES, seededRandom(seed));
          const model = new Model();
          const holds = setOf(held);
          const mayRequest = (piece: number) => !forbidden.includes(piece);
          for (const { what, pieces } of story) {
            if (what === "joined" || what === "gained") {
              if (what === "joined") picker.joined(setOf(pieces));
              else picker.gained(pieces[0] ?? 0);
              for (const one of pieces) model.counts[one] = (model.counts[one] ?? 0) + 1;
            } else if (what === "left") {
              const gone = pieces.filter((one) => (model.counts[one] ?? 0) > 0);
              picker.left(setOf(gone));
              for (const one of gone) model.counts[one] = (model.counts[one] ?? 0) - 1;
            } else {
              const [one = 0] = pieces;
              picker[what](one);
              if (what === "open") model.open.add(one);
              else model.open.delete(one);
            }
            const picked = picker.pick(holds, mayRequest);
            const expected = model.picks((one) => holds.has(one) && mayRequest(one));
            if (expected.length === 0) expect(picked).toBeUndefined();
            else expect(expected).toContain(picked);
            expect(picker.openCount).toBe(model.open.size);
          }
          for (let one = 0; one < PIECES; one++) expect(picker.availability(one)).toBe(model.counts[one]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("takes each of equally rare pieces about equally often", () => {
    const picker = new Picker(PIECES, seededRandom(7));
    picker.joined(PieceSet.full(PIECES));
    picker.gained(0);
    const taken = new Array<number>(PIECES).fill(0);
    const rounds = 11_000;
    for (let i = 0; i < rounds; i++) {
      const picked = picker.pick(PieceSet.full(PIECES), anything) ?? -1;
      taken[picked] = (taken[picked] ?? 0) + 1;
    }
    expect(taken[0]).toBe(0);
    for (const times of taken.slice(1)) expect(Math.abs(times - rounds / 11)).toBeLessThan(150);
  });

  it("never picks what nobody holds, nor what was begun until it is open again", () => {
    const picker = new Picker(2, seededRandom(1));
    expect(picker.pick(PieceSet.full(2), anything)).toBeUndefined();
    picker.gained(1);
    expect(picker.pick(PieceSet.full(2), anything)).toBe(1);
    picker.close(1);
    expect(picker.pick(PieceSet.full(2), anything)).toBeUndefined();
    picker.open(1);
    expect(picker.pick(PieceSet.full(2), anything)).toBe(1);
  });

  it("is told when somebody leaves with a piece that nobody brought", () => {
    const picker = new Picker(2, seededRandom(1));
    expect(() => picker.left(setOf([1], 2))).toThrow(/held by nobody/);
  });

  it("looks at as few pieces in a large torrent as in a small one", () => {
    const looksOf = (pieceCount: number): number => {
      const picker = new Picker(pieceCount, seededRandom(3));
      const full = PieceSet.full(pieceCount);
      picker.joined(full);
      let looks = 0;
      for (let i = 0; i < 50; i++) {
        const picked = picker.pick(full, () => ++looks > 0) ?? 0;
        picker.close(picked);
        picker.gained((picked + 1) % pieceCount);
      }
      return looks;
    };
    expect(looksOf(1_000_000)).toBe(looksOf(100));
  });

  it("looks at few of the pieces that only a seed has for a peer that has others", () => {
    const pieceCount = 400_000;
    const picker = new Picker(pieceCount, seededRandom(3));
    const held = setOf(
      Array.from({ length: pieceCount / 10 }, (_, n) => n * 10),
      pieceCount,
    );
    picker.joined(PieceSet.full(pieceCount));
    picker.joined(held);
    let looks = 0;
    const has = held.has.bind(held);
    held.has = (piece) => {
      looks++;
      return has(piece);
    };
    for (let i = 0; i < 50; i++) {
      const picked = picker.pick(held, anything) ?? -1;
      expect(picked % 10).toBe(0);
      picker.close(picked);
    }
    expect(looks).toBeLessThan(50 * 1500);
  });

  it("finds the rarest of the few pieces of a large torrent that a peer holds, and none where there is none", () => {
    const pieceCount = 400_000;
    const picker = new Picker(pieceCount, seededRandom(3));
    const held = setOf([70_001, 300_000, 399_999], pieceCount);
    picker.joined(PieceSet.full(pieceCount));
    picker.joined(held);
    picker.joined(setOf([70_001, 399_999], pieceCount));
    expect(picker.pick(held, anything)).toBe(300_000);
    picker.close(300_000);
    expect(picker.pick(held, (piece) => piece !== 70_001)).toBe(399_999);
    picker.close(399_999);
    picker.close(70_001);
    expect(picker.pick(held, anything)).toBeUndefined();
  });

  it("picks pieces of a higher rank before rarer ones, and none of a rank that is not in use", () => {
    const picker = new Picker(6, seededRandom(5));
    picker.joined(PieceSet.full(6));
    picker.joined(setOf([4, 5], 6));
    picker.rank({ of: Uint8Array.of(0, 1, 1, 1, 3, 3), inUse: [3, 1] });
    const picked: number[] = [];
    for (let i = 0; i < 6; i++) {
      const piece = picker.pick(PieceSet.full(6), anything);
      if (piece === undefined) break;
      picked.push(piece);
      picker.close(piece);
    }
    expect(new Set(picked.slice(0, 2))).toEqual(new Set([4, 5]));
    expect(new Set(picked.slice(2))).toEqual(new Set([1, 2, 3]));
    picker.rank(undefined);
    expect(picker.pick(PieceSet.full(6), anything)).toBe(0);
  });

  it("in sequential order picks the first open piece of the highest rank that is allowed", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        pieces,
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: PIECES, maxLength: PIECES }),
        (story, held, ranks) => {
          const picker = new Picker(PIECES, seededRandom(1), true);
          picker.joined(PieceSet.full(PIECES));
          picker.rank({ of: Uint8Array.from(ranks), inUse: [3, 2, 1] });
          const open = new Set(Array.from({ length: PIECES }, (_, one) => one));
          for (const { what, pieces } of story) {
            if (what === "close") for (const one of pieces) open.delete(one);
            if (what === "open") for (const one of pieces) open.add(one);
            if (what === "close" || what === "open") for (const one of pieces) picker[what](one);
            const able = held.filter((one) => open.has(one));
            const best = Math.max(...able.map((one) => ranks[one] ?? 0));
            const expected = Math.min(...able.filter((one) => ranks[one] === best));
            expect(picker.pick(setOf(held), anything) ?? Number.POSITIVE_INFINITY).toBe(expected);
          }
        },
      ),
    );
  });
});
