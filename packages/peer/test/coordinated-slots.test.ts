import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { BLOCK, Coordinating, revealedTo } from "./support/coordinating.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { until } from "./support/until.ts";

const { rechokeMs } = LIMITS.peer;
const isUnchoked = (raw: RawPeer) => raw.count("unchoke") > raw.count("choke");

/** So many interested members at 127.AS.0.2, .3, and so on. */
function crowd(given: Coordinating, as: number, count: number): Promise<RawPeer[]> {
  const numbers = Array.from({ length: count }, (_, i) => i + 2);
  return Promise.all(numbers.map((n) => given.join(as * 100 + n, `127.${as}.0.${n}`, { interested: true })));
}

describe("upload slots under coordinated, on the wire", () => {
  it("are 4 for our AS and one for others", async () => {
    const given = await Coordinating.begin();
    const ours = await crowd(given, 1, 8);
    const others = await crowd(given, 2, 6);
    await given.pass(rechokeMs + 1000);
    for (const raw of [...ours, ...others]) await given.when("it is here", () => raw.count("have") > 0);
    expect(others.filter(isUnchoked).length).toBe(1);
    expect([...ours, ...others].filter(isUnchoked).length).toBeLessThanOrEqual(5);
  });

  it("are lent to others while nobody of our AS wants one", async () => {
    const given = await Coordinating.begin();
    const others = await crowd(given, 2, 8);
    await given.when("5 are unchoked", () => others.filter(isUnchoked).length === 5);
    await given.pass(3 * rechokeMs);
    await given.when("5 are unchoked still", () => others.filter(isUnchoked).length === 5);
  });

  it("reach everybody in turn", async () => {
    const given = await Coordinating.begin();
    const others = await crowd(given, 2, 12);
    const begun = given.clock.now();
    await given.when("all had one", () => others.every((raw) => raw.count("unchoke") > 0), 100);
    // Five are lent or given at once, and then in each round to who never had one.
    expect(given.clock.now() - begun).toBeLessThan(4 * rechokeMs);
  });
});

describe("a transfer to another AS", () => {
  /** A seed with one slot, which is for others, in the middle of a piece for one of two who want it. */
  async function inMidPiece(limitUp = BLOCK / 10) {
    const given = await Coordinating.begin({ uploadSlots: 0, limitUp });
    const [a, b] = await crowd(given, 2, 2);
    if (!a || !b) throw new Error("two were to join");
    await given.when("one is unchoked", () => isUnchoked(a) !== isUnchoked(b));
    const [served, waits] = isUnchoked(a) ? [a, b] : [b, a];
    await given.when("it is told of something", () => revealedTo(served).length === 4);
    return { given, served, waits, revealed: revealedTo(served) };
  }

  it("is not choked before its pieces are whole, and is then", async () => {
    const { given, revealed, served, waits } = await inMidPiece();
    const [one = -1, two = -1, ...rest] = revealed;
    // Two blocks come at once, and each further one after 10 s: as long as a round.
    for (const begin of [0, BLOCK]) for (const piece of [one, two]) served.request(piece, begin, BLOCK);
    for (const piece of rest) for (const begin of [0, BLOCK]) served.request(piece, begin, BLOCK);
    await given.when("both have begun", () => served.blocks.length === 2, 1);
    await given.when("it is choked", () => served.count("choke") === 1, 50);
    expect(served.blocks.map(({ piece }) => piece)).toEqual([one, two, one, two]);
    await served.received("reject", 4);
    await given.when("the other one has the slot", () => isUnchoked(waits));
  });

  it("is choked after 30 s, whole or not", async () => {
    const { given, revealed, served, waits } = await inMidPiece();
    served.request(revealed[0] ?? -1, 0, BLOCK);
    await until("the first block is here", () => served.blocks.length === 1);
    const since = given.clock.now();
    // It never asks for the second.
    await given.when("it is choked", () => served.count("choke") === 1, 100);
    expect(given.clock.now() - since).toBeGreaterThanOrEqual(29_000);
    await given.when("the other one has the slot", () => isUnchoked(waits));
  });

  it("is choked at the next round if nothing of a piece has come", async () => {
    const { given, served, waits } = await inMidPiece();
    const since = given.clock.now();
    await given.when("the other one has the slot", () => isUnchoked(waits) && !isUnchoked(served), 100);
    expect(given.clock.now() - since).toBeLessThan(rechokeMs + 1000);
  });

  it("gives way to who waits after its fourth piece, before the round is over", async () => {
    const { given, served: waits, waits: served } = await inMidPiece(2 * BLOCK);
    await given.when("a round gives it the slot", () => isUnchoked(served) && !isUnchoked(waits), 100);
    await given.when("it is told of something", () => revealedTo(served).length >= 4);
    const since = given.clock.now();
    for (const piece of revealedTo(served).slice(-4)) {
      for (const begin of [0, BLOCK]) served.request(piece, begin, BLOCK);
    }
    await until("the first block is here", () => served.blocks.length > 0);
    await given.when("all four pieces are here", () => served.blocks.length === 8, 100);
    await given.when("the other one has the slot", () => isUnchoked(waits) && !isUnchoked(served), 100);
    expect(given.clock.now() - since).toBeLessThan(rechokeMs - 2000);
  });

  it("is choked as soon as the other side wants nothing more", async () => {
    const { given, revealed, served, waits } = await inMidPiece();
    served.request(revealed[0] ?? -1, 0, BLOCK);
    await until("the first block is here", () => served.blocks.length === 1);
    const since = given.clock.now();
    served.wire.uninterested();
    await given.when("the other one has the slot", () => isUnchoked(waits), 100);
    expect(given.clock.now() - since).toBeLessThan(rechokeMs + 1000);
  });
});

describe("an unfinished member", () => {
  /** A member of AS 1 that holds half of the torrent, and members of its AS. */
  async function unfinished(members: number) {
    const given = await Coordinating.begin({ pieces: 8, seeds: false });
    const inside = await crowd(given, 1, members);
    const [source] = inside;
    if (!source) throw new Error("somebody was to join");
    const { content, metainfo } = given.torrent;
    source.wire.on("request", (piece, begin, length) => {
      const start = piece * metainfo.pieceLength + begin;
      source.wire.piece(piece, begin, content.subarray(start, start + length));
    });
    for (let piece = 0; piece < 4; piece++) source.wire.have(piece);
    source.wire.unchoke();
    await given.when("half of it came", () => given.seed.torrent.status().verifiedBytes === 8 * BLOCK);
    return given;
  }

  it("gives stock clients of other ASes no slot when its AS has three members", async () => {
    const given = await unfinished(2);
    const stock = await given.join(900, "127.3.0.1", { stock: true, interested: true });
    const member = await given.join(901, "127.4.0.1", { interested: true });
    await given.when("a member has one", () => isUnchoked(member));
    await given.pass(3 * rechokeMs);
    expect(stock.count("unchoke")).toBe(0);
  });

  it("gives them one when it has two", async () => {
    const given = await unfinished(1);
    const stock = await given.join(900, "127.3.0.1", { stock: true, interested: true });
    await given.when("it has one", () => isUnchoked(stock));
  });
});
