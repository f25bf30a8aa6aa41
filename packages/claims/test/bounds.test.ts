import { PieceSet } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { AvoidedSources } from "../src/avoided-sources.ts";
import { Doubts } from "../src/doubts.ts";
import { SlowRefusals } from "../src/slow-refusals.ts";
import { Standings } from "../src/standings.ts";
import { Booked } from "./support/booked.ts";
import { endpoint } from "./support/endpoints.ts";

describe("what is kept of others' doing is bounded:", () => {
  test("external peers that failed", () => {
    const sources = new AvoidedSources<object>();
    for (let i = 0; i < 5000; i++) sources.failed(endpoint(i), {}, i);
    expect(sources.size).toBe(1024);
  });

  test("pieces refused to a slow member", () => {
    const refusals = new SlowRefusals();
    for (let piece = 0; piece < 5000; piece++) refusals.refuses(piece, 0);
    expect(refusals.size).toBe(1024);
  });

  test("doubts, which also end when nobody repeats them", () => {
    const doubts = new Doubts<object>();
    for (let piece = 0; piece < 5000; piece++) doubts.add(piece, {}, 0);
    expect(doubts.size).toBe(256);
    doubts.ripe(() => 2, 60_001);
    expect(doubts.size).toBe(0);
  });

  test("members that are gone", () => {
    const standings = new Standings();
    for (let i = 0; i < 5000; i++) standings.remember(endpoint(i), standings.recall(undefined));
    expect(standings.size).toBe(256);
  });

  test("open claims, also those that another head is said to have granted", () => {
    const [booked, a] = Booked.with(1, { pieceCount: 2000 });
    const pieces = [...Array(1000).keys()];
    booked.send(a as never, { m: "open", pieces, ttlsMs: pieces.map(() => 9000) });
    expect(booked.book.load.claims).toBe(256);
  });
});

describe("a map of pieces", () => {
  test("has what was put in, and nothing that is no piece", () => {
    const map = new PieceSet(11);
    for (const piece of [-1, 0, 3, 3, 10, 11, 1.5, Number.NaN]) map.add(piece);
    expect([...map]).toEqual([0, 3, 10]);
    expect(map.size).toBe(3);
    expect(map.delete(3)).toBe(true);
    expect(map.delete(11)).toBe(false);
    expect([...map.toBitfield()]).toEqual([0b1000_0000, 0b0010_0000]);
  });

  test("takes over a part of another, and tells whether something went out by it", () => {
    const map = new PieceSet(20);
    map.add(1);
    map.add(9);
    expect(map.overwrite(Uint8Array.of(0b1100_0000, 0xff), 8)).toBe(false);
    expect([...map]).toEqual([1, 8, 9, 16, 17, 18, 19]);
    expect(map.overwrite(Uint8Array.of(0), 0)).toBe(true);
    expect([...map]).toEqual([8, 9, 16, 17, 18, 19]);
  });
});
