import { describe, expect, test } from "vitest";
import { Claiming } from "./support/claiming.ts";

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
