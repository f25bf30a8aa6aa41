import { describe, expect, test } from "vitest";
import { Claiming, MANY, mapOf } from "./support/claiming.ts";

describe("a claim", () => {
  test("is sent when a neighbour unchokes us, for what it has and is not taken", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [2] }, as.now);
    const neighbour = as.unchoked(1, 2, 3);
    expect(as.took("claim")).toEqual([
      { m: "claim", q: 1, pieces: [1, 3], n: 3, from: neighbour.endpoint, up: 5000 },
    ]);
  });

  test("is outstanding once for each neighbour", () => {
    const as = new Claiming();
    const first = as.unchoked(...MANY);
    as.unchoked(...MANY);
    as.client.neighbourGained(first, 5, as.now);
    as.pass(5000);
    expect(as.took("claim").length).toBe(2);
  });

  test.each([
    { rate: 0, requested: 2, ahead: 1 },
    // 1 + 2,000,000 x (0.05 + 0.05) / 100,000, and 2,000,000 x 0.02 / 100,000
    { rate: 2_000_000, requested: 3, ahead: 1 },
    { rate: 10_000_000, requested: 11, ahead: 2 },
    { rate: 1e9, requested: 16, ahead: 16 },
  ])("asks for so many that D are requested and G wait, at $rate bytes/s", ({ rate, requested, ahead }) => {
    const as = new Claiming();
    const neighbour = as.neighbour(...MANY);
    neighbour.rate = rate;
    as.client.neighbourUnchoked(neighbour, as.now);
    expect(as.took("claim")[0]?.n).toBe(requested + ahead);
  });

  test("asks for two at first of three neighbours, and for one of others", () => {
    const as = new Claiming();
    for (let i = 0; i < 4; i++) as.unchoked(...MANY);
    expect(as.took("claim").map(({ n }) => n)).toEqual([3, 3, 3, 2]);
  });

  test("is sent again when a delivery makes room", () => {
    const as = new Claiming();
    as.unchoked(...MANY);
    as.grant();
    expect(as.took("claim")).toEqual([]);
    as.client.held(0, as.now);
    expect(as.took("claim").map(({ n }) => n)).toEqual([1]);
  });

  test("names 64 pieces at most", () => {
    const as = new Claiming({ candidates: () => [...Array(100).keys()] });
    as.unchoked();
    expect(as.took("claim")[0]?.pieces.length).toBe(64);
  });

  test("that is denied is sent again after a second", () => {
    const as = new Claiming();
    as.unchoked(1, 2);
    const q = as.took("claim")[0]?.q ?? 0;
    as.client.received({ m: "deny", q, why: "slow" }, as.now);
    as.pass(750);
    expect(as.took("claim")).toEqual([]);
    as.pass(250);
    expect(as.took("claim").length).toBe(1);
  });

  test("that is denied is sent again when the neighbour announces a piece not taken", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(1, 2);
    as.client.received({ m: "taken", pieces: [4] }, as.now);
    as.client.received({ m: "deny", q: 1, why: "slow" }, as.now);
    as.took("claim");
    neighbour.has.add(4);
    as.client.neighbourGained(neighbour, 4, as.now);
    expect(as.took("claim")).toEqual([]);
    neighbour.has.add(3);
    as.client.neighbourGained(neighbour, 3, as.now);
    expect(as.took("claim").map(({ pieces }) => pieces)).toEqual([[1, 2, 3]]);
  });

  test("that is denied with the map is sent again at once, and only once", () => {
    const as = new Claiming();
    as.unchoked(1, 2);
    as.client.received({ m: "deny", q: 1, why: "claimed", taken: mapOf(1) }, as.now);
    expect(as.took("claim").map(({ pieces }) => pieces)).toEqual([[1, 2], [2]]);
    as.client.received({ m: "deny", q: 2, why: "claimed", taken: mapOf(1) }, as.now);
    expect(as.took("claim")).toEqual([]);
  });

  test("that is denied for want of room is sent again soon after a delivery", () => {
    const as = new Claiming();
    as.unchoked(1, 2, 3);
    as.grant();
    as.unchoked(4, 5, 6);
    as.client.received({ m: "deny", q: 2, why: "window" }, as.now);
    as.took("claim");
    as.client.held(1, as.now);
    as.pass(500);
    expect(as.took("claim").map(({ pieces }) => pieces)).toEqual([[4, 5, 6]]);
  });

  test("is not sent where there is nothing open, until something is free again", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1] }, as.now);
    as.unchoked(1);
    as.pass(1000);
    expect(as.took("claim")).toEqual([]);
    as.client.received({ m: "taken_map", from: 0, bits: mapOf() }, as.now);
    as.pass(250);
    expect(as.took("claim").length).toBe(1);
  });

  test("that is not answered in 10 s tells that the head has stalled; what it grants later is given back", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(1);
    as.pass(9_750);
    expect(as.called("head")).toEqual([]);
    as.pass(250);
    expect(as.called("head")).toEqual(["head unanswered"]);
    as.client.received({ m: "grant", q: 1, pieces: [1], ttlMs: 10_000 }, as.now);
    expect(as.took("release")).toEqual([{ m: "release", piece: 1, why: "choked", from: neighbour.endpoint }]);
    as.pass(1000);
    expect(as.took("claim").map(({ q }) => q)).toEqual([1, 2]);
  });

  test("of pieces that are taken is made for relief, once all are", () => {
    const as = new Claiming({ mayRelieve: () => true });
    as.client.received({ m: "taken", pieces: MANY.slice(1) }, as.now);
    const neighbour = as.unchoked(5);
    expect(as.took("claim")).toEqual([]);
    as.client.received({ m: "taken", pieces: [0] }, as.now);
    as.client.neighbourChoked(neighbour, as.now);
    as.client.neighbourUnchoked(neighbour, as.now);
    expect(as.took("claim").map(({ pieces }) => pieces)).toEqual([[5]]);
  });
});

describe("another head", () => {
  test("is told the open claims, and claimed from anew", () => {
    const as = new Claiming();
    as.unchoked(7, 8);
    as.grant();
    as.unchoked(9);
    as.took("claim");
    as.now += 2000;
    as.client.headChanged(as.now);
    expect(as.took("open")).toEqual([{ m: "open", pieces: [7, 8], ttlsMs: [8000, 8000] }]);
    expect(as.took("claim").map(({ pieces }) => pieces)).toEqual([[9]]);
  });

  test("is told so when there are none", () => {
    const as = new Claiming();
    as.client.headChanged(as.now);
    expect(as.took("open")).toEqual([{ m: "open", pieces: [], ttlsMs: [] }]);
  });

  test("is waited for while there is none", () => {
    const as = new Claiming();
    as.hasHead = false;
    as.unchoked(7);
    as.pass(20_000);
    expect(as.sent).toEqual([]);
    expect(as.called("head")).toEqual([]);
    as.hasHead = true;
    as.client.headChanged(as.now);
    expect(as.took("claim").length).toBe(1);
  });

  test("gets everything back when we leave", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7, 8);
    as.grant();
    as.begun.add(7);
    as.client.neighbourChoked(neighbour, as.now);
    as.client.neighbourUnchoked(neighbour, as.now);
    as.took("release");
    as.client.close(as.now);
    expect(as.took("release").map(({ piece, why }) => `${piece} ${why}`)).toEqual(["7 leaving"]);
    as.pass(60_000);
    expect(as.took("release")).toEqual([]);
  });
});
