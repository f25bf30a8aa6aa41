import { PieceSet, type SwarmAs } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Hearer, HomeReveal, homeOf } from "../src/exchange/home-reveal.ts";
import { asn } from "./support/samples.ts";

const PIECES = 100;
const OURS = asn(1);

function as(number: number, up = 1000, isOrigin = false): SwarmAs {
  return { asn: asn(number), up, isOrigin };
}

const ORIGIN = as(1, 1000, true);

function member(number: number): Hearer {
  return { asn: asn(number), isIntroduced: true, speaksCtCache: true };
}

const stock: Hearer = { asn: asn(2), isIntroduced: true, speaksCtCache: false };

function given(over: { ases?: readonly SwarmAs[]; members?: number } = {}): HomeReveal {
  const ases = over.ases ?? [ORIGIN, as(2), as(3), as(4)];
  return new HomeReveal({
    asn: OURS,
    pieceCount: PIECES,
    ases: () => ases,
    membersInAs: () => over.members ?? 5,
  });
}

function holding(...pieces: number[]): PieceSet {
  const set = new PieceSet(PIECES);
  for (const piece of pieces) set.add(piece);
  return set;
}

function revealedTo(home: HomeReveal, hearer: Hearer): number[] {
  return Array.from({ length: PIECES }, (_, piece) => piece).filter((piece) => home.reveals(hearer, piece));
}

describe("in the AS of an initial seed", () => {
  it("each piece is revealed to the members of one other AS", () => {
    const home = given();
    const told = [2, 3, 4].flatMap((number) => revealedTo(home, member(number)));
    expect(told.sort((a, b) => a - b)).toEqual(Array.from({ length: PIECES }, (_, piece) => piece));
    expect(revealedTo(home, member(2)).length).toBeGreaterThan(10);
  });

  it("everything is revealed inside, to stock clients, and to peers of no known AS", () => {
    const home = given();
    for (const hearer of [member(1), stock, member(0)]) expect(revealedTo(home, hearer).length).toBe(PIECES);
  });

  it("nothing is revealed outside to a peer that has not said yet what it speaks", () => {
    expect(revealedTo(given(), { ...stock, isIntroduced: false })).toEqual([]);
  });

  it("another origin is home of nothing", () => {
    const home = given({ ases: [ORIGIN, as(2, 1e9, true), as(3)] });
    expect(revealedTo(home, member(2))).toEqual([]);
    expect(revealedTo(home, member(3)).length).toBe(PIECES);
  });

  it("everything is revealed to everybody while the seed is alone, or no other AS is known", () => {
    expect(revealedTo(given({ members: 1 }), member(2)).length).toBe(PIECES);
    expect(revealedTo(given({ ases: [ORIGIN] }), member(2)).length).toBe(PIECES);
    expect(revealedTo(given({ ases: [] }), member(2)).length).toBe(PIECES);
  });

  it("everything is revealed by an AS that is no origin", () => {
    expect(revealedTo(given({ ases: [as(1), as(2), as(3, 1000, true)] }), member(3)).length).toBe(PIECES);
  });
});

describe("pieces are held back for their homes", () => {
  const outside = (home: HomeReveal) => revealedTo(home, member(2)).length;

  it("until external neighbours together hold everything", () => {
    const home = given();
    const all = Array.from({ length: PIECES }, (_, piece) => piece);
    home.sweep(0, [holding(...all.slice(0, 60)), holding(...all.slice(61))], true);
    expect(home.isInForce).toBe(true);
    expect(outside(home)).toBeLessThan(PIECES);
    home.sweep(1, [holding(...all.slice(0, 60)), holding(...all.slice(60))], true);
    expect(home.isInForce).toBe(false);
    expect(outside(home)).toBe(PIECES);
    // Once lifted they stay so, whoever leaves.
    home.sweep(2, [holding()], true);
    expect(home.isInForce).toBe(false);
  });

  it("until no new piece has appeared among them for 15 s", () => {
    const home = given();
    home.sweep(0, [holding()], true);
    expect(home.isInForce).toBe(true);
    home.sweep(14_000, [holding(1)], true);
    expect(home.isInForce).toBe(true);
    home.sweep(28_999, [holding(1), holding(1)], true);
    expect(home.isInForce).toBe(true);
    expect(outside(home)).toBeLessThan(PIECES);
    home.sweep(29_000, [holding(1)], true);
    expect(home.isInForce).toBe(false);
    expect(outside(home)).toBe(PIECES);
  });

  it("even if the only neighbour that had a piece has left", () => {
    const home = given();
    home.sweep(0, [holding(1), holding(2)], true);
    // The first one comes back: nothing new.
    home.sweep(1000, [holding(2)], true);
    home.sweep(9000, [holding(1), holding(2)], true);
    home.sweep(15_000, [holding(1), holding(2)], true);
    expect(home.isInForce).toBe(false);
  });

  it("for 15 s from when there is somebody to tell and something to tell of", () => {
    const home = given();
    home.sweep(0, [], true);
    expect(home.isInForce).toBe(true);
    home.sweep(20_000, [holding()], false);
    expect(home.isInForce).toBe(true);
    home.sweep(40_000, [holding()], true);
    expect(home.isInForce).toBe(true);
    home.sweep(54_999, [holding()], true);
    expect(home.isInForce).toBe(true);
    home.sweep(55_000, [holding()], true);
    expect(home.isInForce).toBe(false);
  });
});

describe("the home of a piece", () => {
  it("follows the capacity of the ASes", () => {
    const ases = [as(2, 1000), as(3, 3000)];
    const homes = Array.from({ length: 4000 }, (_, piece) => homeOf(piece, ases));
    const share = homes.filter((home) => home === asn(3)).length / homes.length;
    expect(share).toBeGreaterThan(0.72);
    expect(share).toBeLessThan(0.78);
  });

  it("is the same whatever the order of the list", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.integer({ min: 1, max: 2 ** 32 - 1 }), { minLength: 1, maxLength: 20 }),
        fc.nat(1e6),
        (numbers, piece) => {
          const ases = numbers.map((number, i) => as(number, (i % 3) * 1000));
          expect(homeOf(piece, ases.toReversed())).toBe(homeOf(piece, ases));
        },
      ),
    );
  });

  it("stays where it is when another AS comes or goes", () => {
    const ases = [as(2), as(3), as(4), as(5)];
    for (let piece = 0; piece < 500; piece++) {
      const before = homeOf(piece, ases);
      const after = homeOf(piece, ases.slice(0, 3));
      if (before !== asn(5)) expect(after).toBe(before);
    }
  });

  it("is some AS even if none has declared any capacity", () => {
    expect(homeOf(1, [as(2, 0), as(3, 0)])).toBeDefined();
  });
});
