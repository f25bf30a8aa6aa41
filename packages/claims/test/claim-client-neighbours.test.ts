import { describe, expect, test } from "vitest";
import { Claiming, MANY, mapOf } from "./support/claiming.ts";

describe("a neighbour that chokes us", () => {
  test("gets back what was not begun; what was is kept for 30 s, renewed, then given back", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7, 8);
    as.grant();
    as.begun.add(7);
    as.client.neighbourChoked(neighbour, as.now);
    expect(as.took("release").map(({ piece, why }) => `${piece} ${why}`)).toEqual(["8 choked"]);
    as.pass(29_000);
    expect(as.took("renew").length).toBe(9);
    expect(as.took("release")).toEqual([]);
    as.pass(1000);
    expect(as.took("release")).toEqual([{ m: "release", piece: 7, why: "choked", from: neighbour.endpoint }]);
  });

  test("leaves what was begun to another that has it and serves us, at once or when there is one", () => {
    const as = new Claiming();
    const [first, second] = [as.unchoked(7), as.neighbour(7)];
    as.grant();
    as.begun.add(7);
    as.client.neighbourChoked(first, as.now);
    expect(as.client.grantsOf(first)).toEqual([]);
    as.client.neighbourUnchoked(second, as.now);
    expect(as.client.grantsOf(second)).toContain(7);
    as.client.neighbourUnchoked(first, as.now);
    as.client.neighbourGone(second, as.now);
    expect(as.client.grantsOf(first)).toContain(7);
    expect(as.took("release")).toEqual([]);
    expect(as.called("granted").length).toBe(3);
  });

  test("again and again does not keep a claim alive when no bytes come", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.grant();
    as.begun.add(7);
    for (let i = 0; i < 12; i++) {
      as.client.neighbourChoked(neighbour, as.now);
      as.pass(3000);
      as.client.neighbourUnchoked(neighbour, as.now);
    }
    expect(as.took("release").length).toBe(1);
  });

  test("and leaves gets back what was not begun", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.grant();
    as.client.neighbourGone(neighbour, as.now);
    expect(as.took("release").map(({ why }) => why)).toEqual(["choked"]);
  });
});

describe("a neighbour outside", () => {
  test("is of use while it has what is granted there", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(1);
    expect(as.client.isOfUse(neighbour)).toBe(false);
    as.grant([1]);
    expect(as.client.isOfUse(neighbour)).toBe(true);
  });

  test("is of use when it could go on with a piece that was cut off elsewhere", () => {
    const as = new Claiming();
    const first = as.unchoked(1);
    as.grant([1]);
    as.begun.add(1);
    as.client.neighbourChoked(first, as.now);
    const [other, useless] = [as.neighbour(1, 2), as.neighbour(2)];
    expect(as.client.isOfUse(other)).toBe(true);
    expect(as.client.isOfUse(useless)).toBe(false);
  });

  test("is of use for relief, once everything is taken", () => {
    const as = new Claiming({ mayRelieve: ({ has }) => has.has(7) });
    const [complete, other] = [as.neighbour(7), as.neighbour(8)];
    expect(as.client.isOfUse(complete)).toBe(false);
    as.client.received({ m: "taken_map", bits: mapOf(...MANY), from: 0 }, as.now);
    expect(as.client.isOfUse(complete)).toBe(true);
    expect(as.client.isOfUse(other)).toBe(false);
  });

  test("that stands still fails once, however much was granted there", () => {
    const as = new Claiming();
    as.unchoked(1, 2, 3);
    as.grant([1, 2, 3]);
    as.pass(14_000);
    expect(as.took("release")).toEqual([]);
    as.pass(2000);
    const whys = as.took("release").map(({ why }) => why);
    expect(whys).toEqual(["stalled", "choked", "choked"]);
  });

  test("is claimed from at once when another one gave back what it has, too", () => {
    const as = new Claiming();
    const [first, other] = [as.neighbour(1), as.neighbour(1)];
    as.client.neighbourUnchoked(first, as.now);
    as.grant([1]);
    as.client.neighbourUnchoked(other, as.now);
    expect(as.took("claim")).toEqual([]);
    as.client.neighbourChoked(first, as.now);
    as.pass(250);
    expect(as.took("claim")).toEqual([expect.objectContaining({ pieces: [1], from: other.endpoint })]);
  });
});
