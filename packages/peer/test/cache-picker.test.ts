import { seededRandom } from "@cachetorrent/clock";
import { PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { CachePicker } from "../src/exchange/cache-picker.ts";
import { Picker } from "../src/exchange/picker.ts";

const PIECES = 12;
const anything = () => true;
const everything = PieceSet.full(PIECES);

/** Piece p is held by as many peers as the p-th number says. */
function pickerOf<P extends Picker>(picker: P, copies: readonly number[]): P {
  copies.forEach((count, piece) => {
    for (let i = 0; i < count; i++) picker.gained(piece);
  });
  return picker;
}

const cachePicker = (copies: readonly number[], seed = 1) =>
  pickerOf(new CachePicker(PIECES, seededRandom(seed)), copies);

const ALIKE = new Array<number>(PIECES).fill(1);

describe("a leader picks", () => {
  it("among equally rare pieces the one that most followers ask for", () => {
    const picker = cachePicker(ALIKE);
    for (const piece of [3, 7, 7, 9, 7, 3]) picker.gotRequest(piece);
    const picked: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) {
      const piece = picker.pick(everything, anything) as number;
      picked.push(piece);
      picker.close(piece);
    }
    expect(picked).toEqual([7, 3, 9]);
  });

  it("a rarer piece that nobody asks for before a more common one that everybody asks for", () => {
    const picker = cachePicker([3, 1, 3, 3]);
    for (let i = 0; i < 50; i++) picker.gotRequest(0);
    expect(picker.pick(everything, anything)).toBe(1);
    picker.close(1);
    expect(picker.pick(everything, anything)).toBe(0);
  });

  it("no piece that is stored or begun, however many ask for it", () => {
    const picker = cachePicker(ALIKE);
    picker.gotRequest(5);
    picker.gotRequest(5);
    picker.gotRequest(6);
    expect(picker.isBanned(5)).toBe(false);
    picker.close(5);
    expect(picker.isBanned(5)).toBe(true);
    expect(picker.pick(everything, anything)).toBe(6);
    picker.open(5);
    expect(picker.isBanned(5)).toBe(false);
    expect(picker.pick(everything, anything)).toBe(5);
  });

  it("no asked-for piece that the other side lacks or that may not be requested of it", () => {
    const picker = cachePicker(ALIKE);
    picker.gotRequest(2);
    picker.gotRequest(4);
    picker.gotRequest(4);
    const without4 = PieceSet.full(PIECES);
    without4.delete(4);
    expect(picker.pick(without4, anything)).toBe(2);
    expect(picker.pick(everything, (piece) => piece !== 4)).toBe(2);
    expect(picker.pick(without4, (piece) => piece === 8)).toBe(8);
  });

  it("an asked-for piece no more once its requests ended, and counts each follower once off", () => {
    const picker = cachePicker(ALIKE);
    for (const piece of [1, 1, 2, 2, 2]) picker.gotRequest(piece);
    picker.requestEnded(2);
    picker.requestEnded(2);
    expect(picker.pick(everything, anything)).toBe(1);
    picker.requestEnded(1);
    picker.requestEnded(1);
    expect(picker.pick(everything, anything)).toBe(2);
    picker.requestEnded(2);
    // What ended more often than it began is no debt.
    picker.requestEnded(2);
    picker.gotRequest(2);
    expect(picker.pick(everything, anything)).toBe(2);
  });

  it("nothing that nobody holds, though it is asked for", () => {
    const picker = cachePicker([0, 1]);
    picker.gotRequest(0);
    expect(picker.pick(everything, anything)).toBe(1);
  });

  it("as everybody does when nothing is asked for", () => {
    for (let seed = 1; seed < 20; seed++) {
      const copies = [2, 1, 3, 1, 1, 2, 1, 4, 1, 1, 0, 1];
      const [plain, cache] = [
        pickerOf(new Picker(PIECES, seededRandom(seed)), copies),
        cachePicker(copies, seed),
      ];
      for (let i = 0; i < PIECES; i++) {
        const piece = plain.pick(everything, anything);
        expect(cache.pick(everything, anything)).toBe(piece);
        if (piece === undefined) break;
        plain.close(piece);
        cache.close(piece);
      }
    }
  });
});
