import { describe, expect, test } from "vitest";
import { Claiming } from "./support/claiming.ts";

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

  test("may be under way, held or not, as long as the rest of what we want takes at the pace of the latest pieces", () => {
    const as = new Claiming();
    as.client.received({ m: "taken", pieces: [1] }, as.now);
    for (const piece of [10, 11, 12]) {
      as.client.held(piece, as.now);
      as.now += 4000;
    }
    as.missing = 50;
    expect(as.client.restMs).toBe(200_000);
    as.client.missing(1, as.now);
    const q = as.took("where")[0]?.q ?? 0;
    as.client.received({ m: "holders", q, piece: 1, endpoints: [as.neighbour().endpoint] }, as.now);
    as.pass(199_750);
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
