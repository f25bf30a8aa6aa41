import { describe, expect, test } from "vitest";
import { Claiming, mapOf } from "./support/claiming.ts";

const MANY = [...Array(64).keys()];

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

describe("a grant", () => {
  test("may be requested as far as D, in order; the rest waits", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7, 8, 9);
    as.grant();
    expect(as.called("granted")).toEqual([`granted 7,8,9 of ${neighbour.endpoint.address}`]);
    expect(as.client.grantsOf(neighbour)).toEqual([7, 8, 9]);
    expect(as.client.requestable(neighbour)).toEqual([7, 8]);
    expect(as.client.grantsOf(neighbour)).toEqual([7, 8, 9]);
    as.client.held(7, as.now);
    expect(as.client.requestable(neighbour)).toContain(9);
    expect(as.client.isTaken(9)).toBe(true);
  });

  test("of what was not asked for is no grant", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.grant([7, 8, 999, -1, 7]);
    as.client.received({ m: "grant", q: 77, pieces: [9], ttlMs: 1 }, as.now);
    expect(as.client.grantsOf(neighbour)).toEqual([7]);
  });

  test("is renewed about every third of its time while bytes flow, queued ones too", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7, 8, 9);
    as.grant(undefined, 9000);
    as.pass(30_000, () => as.client.bytesCame(neighbour, as.now));
    const renewals = as.took("renew");
    expect(renewals.length).toBe(10);
    expect(renewals.at(-1)).toEqual({ m: "renew", pieces: [7, 8, 9] });
    expect(as.took("release")).toEqual([]);
  });

  test("is renewed while we are patient, and given back as stalled when no bytes have come for too long", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.grant();
    as.pass(14_750);
    expect(as.took("renew").length).toBeGreaterThanOrEqual(3);
    expect(as.took("release")).toEqual([]);
    as.pass(500);
    expect(as.took("release").map(({ why }) => why)).toEqual(["stalled"]);
    expect(as.called("lost")).toEqual([`lost 7 of ${neighbour.endpoint.address}`]);
    expect(as.client.grantsOf(neighbour)).toEqual([]);
  });

  test("is given back when its data is bad, and when the neighbour is found to have stalled", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7, 8);
    as.grant();
    as.client.badData(neighbour, 7, as.now);
    as.client.stalled(neighbour, 8, as.now);
    expect(as.took("release").map(({ piece, why }) => `${piece} ${why}`)).toEqual([
      "7 bad data",
      "8 stalled",
    ]);
    as.took("claim");
    as.pass(4_750);
    expect(as.took("claim")).toEqual([]);
    as.pass(250);
    expect(as.took("claim").length).toBe(1);
  });

  test("is over when the head revokes it", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.grant();
    as.client.received({ m: "revoke", piece: 7 }, as.now);
    expect(as.called("lost")).toEqual([`lost 7 of ${neighbour.endpoint.address}`]);
    expect(as.client.grantsOf(neighbour)).toEqual([]);
    expect(as.took("release")).toEqual([]);
  });

  test("that comes when the neighbour has choked us is given back", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(7);
    as.client.neighbourChoked(neighbour, as.now);
    as.grant();
    expect(as.took("release").map(({ why }) => why)).toEqual(["choked"]);
    expect(as.client.isTaken(7)).toBe(false);
  });
});

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

describe("a piece that is taken, and that nobody has whom we know", () => {
  test("is asked for at the head, one at a time, each every 5 s", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1, 2] }, as.now);
    for (const piece of [1, 2, 1, 3]) as.client.missing(piece, as.now);
    expect(as.took("where")).toEqual([{ m: "where", q: 1, piece: 1, not: [] }]);
    as.client.received({ m: "holders", q: 1, piece: 1, endpoints: [as.neighbour().endpoint] }, as.now);
    expect(as.called("connect")).toEqual(["connect to 1 for 1"]);
    as.client.missing(1, as.now);
    as.client.missing(2, as.now);
    expect(as.took("where").map(({ piece }) => piece)).toEqual([2]);
    as.now += 10_000;
    as.client.missing(1, as.now);
    expect(as.took("where").map(({ piece }) => piece)).toEqual([1]);
  });

  test("is asked for without those that did not serve it", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1] }, as.now);
    const { endpoint } = as.neighbour();
    as.client.didNotServe(1, endpoint);
    as.client.didNotServe(1, endpoint);
    as.client.missing(1, as.now);
    expect(as.took("where")[0]?.not).toEqual([endpoint]);
  });

  test("makes the head a liar when three that it named lack it", () => {
    const as = new Claiming();
    const [a, b, c] = [as.neighbour(), as.neighbour(), as.neighbour()];
    for (const { endpoint } of [a, b, a]) as.client.holderLacks(1, endpoint);
    expect(as.called("head")).toEqual([]);
    as.client.holderLacks(1, c.endpoint);
    expect(as.called("head")).toEqual(["head false holders"]);
  });

  test("makes the head a liar when it is called held for 30 s", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1, 2] }, as.now);
    for (const piece of [1, 2]) {
      as.client.missing(piece, as.now);
      const q = as.took("where")[0]?.q ?? 0;
      as.client.received({ m: "holders", q, piece, endpoints: [as.neighbour().endpoint] }, as.now);
    }
    as.inside.add(2);
    as.pass(29_750);
    expect(as.called("head")).toEqual([]);
    as.pass(250);
    expect(as.called("head")).toEqual(["head withheld"]);
  });

  test("may be under way for two minutes", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1] }, as.now);
    as.client.missing(1, as.now);
    as.pass(119_750);
    expect(as.called("head")).toEqual([]);
    as.pass(250);
    expect(as.called("head")).toEqual(["head withheld"]);
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

describe("a piece that is not wanted any more", () => {
  test("is given back, asked of the neighbour no longer, and may be claimed by others", () => {
    const as = new Claiming();
    as.unchoked(1, 2);
    as.grant([1]);
    as.took("claim");
    as.client.renounced(1);
    expect(as.took("release")).toMatchObject([{ piece: 1, why: "choked" }]);
    expect(as.called("lost")).toHaveLength(1);
    expect(as.client.isTaken(1)).toBe(false);
    as.client.renounced(1);
    expect(as.took("release")).toEqual([]);
  });

  test("is given back too when it was kept until somebody goes on with it", () => {
    const as = new Claiming();
    const neighbour = as.unchoked(1);
    as.grant([1]);
    as.begun.add(1);
    as.client.neighbourChoked(neighbour, as.now);
    expect(as.took("release")).toEqual([]);
    as.called("taken");
    as.client.renounced(1);
    expect(as.took("release")).toMatchObject([{ piece: 1 }]);
    expect(as.called("taken")).toHaveLength(1);
  });
});
