import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, type ClaimingGiven, type NeighbourGiven, PIECE, requests } from "./support/claiming.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const { keptWhenChokedMs, ttlMs } = LIMITS.claims;

/** A member with a grant of these pieces, of two blocks each, for which it has asked an outside neighbour. */
async function granted(
  pieces: readonly number[],
  given: ClaimingGiven = {},
  neighbour: NeighbourGiven = {},
): Promise<{ given: Claiming; outside: RawPeer }> {
  const story = await Claiming.begin({ blocks: 2, ...given });
  const outside = await story.outsider(1, { have: "all", ...neighbour });
  outside.wire.unchoke();
  await story.claimed();
  story.grant(pieces);
  story.denying.add(story.head);
  await story.until("it asks", () => outside.count("request") >= Math.min(2, pieces.length) * 2);
  return { given: story, outside };
}

const released = (given: Claiming) => given.toldTo(given.head, "release");

describe("a member that is choked", () => {
  it("gives back at once what it has no byte of", async () => {
    const { given, outside } = await granted([7, 9]);
    outside.wire.choke();
    await given.until("both are given back", () => released(given).length === 2);
    const from = { address: "127.2.0.1", port: 7001 };
    expect(released(given)).toMatchObject([
      { piece: 7, why: "choked", from },
      { piece: 9, why: "choked", from },
    ]);
  });

  it("keeps a piece of which it has bytes, renews it, and goes on at another neighbour that has it", async () => {
    const { given, outside } = await granted([7, 9]);
    given.send(outside, 7);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
    const other = await given.outsider(2, { have: [7, 9, 11] });
    outside.wire.choke();
    await given.until("the other one is given back", () => released(given).length > 0);
    await given.pass(12_000);
    expect(released(given).map(({ piece }) => piece)).toEqual([9]);
    expect(
      given.toldTo(given.head, "renew").filter(({ pieces }) => pieces.includes(7)).length,
    ).toBeGreaterThan(2);
    other.wire.unchoke();
    await given.until("it goes on", () => other.count("request") > 0);
    expect(other.messages.filter(([name]) => name === "request")).toEqual([["request", 7, PIECE, PIECE]]);
    given.send(other, 7, 1);
    await given.until("it has the piece", () => given.head.raw.count("have") > 0);
    expect(given.peer.receivedBytes).toBe(2 * PIECE);
  });

  it("goes on at the same neighbour when that unchokes it again", async () => {
    const { given, outside } = await granted([7]);
    given.send(outside, 7);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
    outside.wire.choke();
    await given.pass(5000);
    outside.wire.unchoke();
    await given.until("it goes on", () => outside.count("request") > 2);
    expect(outside.messages.findLast(([name]) => name === "request")).toEqual(["request", 7, PIECE, PIECE]);
    expect(released(given)).toEqual([]);
  });

  it("gives it back after 30 s", async () => {
    const { given, outside } = await granted([7]);
    given.send(outside, 7);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
    outside.wire.choke();
    const chokedAt = given.clock.now();
    await given.until("it is given back", () => released(given).length > 0);
    expect(released(given)).toMatchObject([{ piece: 7, why: "choked" }]);
    expect(given.clock.now() - chokedAt).toBeGreaterThanOrEqual(keptWhenChokedMs);
    expect(given.clock.now() - chokedAt).toBeLessThan(keptWhenChokedMs + 2000);
  });

  it("by a stock client without the fast extension does the same", async () => {
    const { given, outside } = await granted([7, 9], {}, { fast: false, ctCache: false, have: [7, 9] });
    given.send(outside, 7);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
    outside.wire.choke();
    await given.until("one is given back", () => released(given).length > 0);
    expect(released(given)).toMatchObject([{ piece: 9, why: "choked" }]);
    outside.wire.unchoke();
    await given.until("it goes on", () => requests(outside).length > 4);
    expect(outside.messages.findLast(([name]) => name === "request")).toEqual(["request", 7, PIECE, PIECE]);
  });
});

describe("a member whose neighbour", () => {
  it("sends nothing gives the piece back as stalled, and asks somebody else", async () => {
    const { given, outside } = await granted([7]);
    const other = await given.outsider(2, { have: [7] });
    other.wire.unchoke();
    const grantedAt = given.clock.now();
    await given.until("it is given back", () => released(given).length > 0);
    expect(released(given)).toMatchObject([
      { piece: 7, why: "stalled", from: { address: "127.2.0.1", port: 7001 } },
    ]);
    expect(given.clock.now() - grantedAt).toBeLessThan(2 * ttlMs);
    await given.until("it takes it back", () => outside.count("cancel") === 2);
    await given.until("it is claimed for the other one", () =>
      given.claims().some(({ from, pieces }) => from.port === 7002 && pieces.includes(7)),
    );
  });

  it("sends, if slowly, renews all grants of that neighbour, queued ones too", async () => {
    const { given, outside } = await granted([7, 9, 11]);
    for (const [piece, block] of [
      [7, 0],
      [7, 1],
      [9, 0],
      [9, 1],
    ] as const) {
      await given.pass(6000);
      given.send(outside, piece, block);
    }
    await given.until("two pieces are there", () => given.head.raw.count("have") === 2);
    expect(released(given)).toEqual([]);
    const renewed = given.toldTo(given.head, "renew").map(({ pieces }) => pieces);
    expect(renewed[0]).toEqual([7, 9, 11]);
    expect(renewed.at(-1)).toContain(11);
  });

  it("is gone gives everything back at once", async () => {
    const { given, outside } = await granted([7, 9]);
    outside.socket.destroy();
    await given.until("both are given back", () => released(given).length === 2);
    expect(released(given).map(({ piece }) => piece)).toEqual([7, 9]);
  });

  it("sends bad data gives the piece back, and bans it", async () => {
    const { given, outside } = await granted([7]);
    for (const block of [0, 1]) outside.wire.piece(7, block * PIECE, new Uint8Array(PIECE));
    await given.until("it is given back", () => released(given).length > 0);
    await outside.closed();
    expect(released(given)).toMatchObject([
      { piece: 7, why: "bad data", from: { address: "127.2.0.1", port: 7001 } },
    ]);
  });
});

describe("a member that leaves", () => {
  it("gives back what it has claimed", async () => {
    const { given } = await granted([7, 9, 11]);
    const stopped = given.peer.stop();
    await given.until("all are given back", () => released(given).length === 3);
    expect(released(given).map(({ why }) => why)).toEqual(["leaving", "leaving", "leaving"]);
    await given.until("it is gone", () => given.officers.every(({ raw }) => raw.isClosed));
    await stopped;
  });

  it("gives back what it has claimed when its tracker tells of another policy", async () => {
    const { given, outside } = await granted([7, 9]);
    given.tracker.tell({ policy: { name: "bittorrent" }, leaders: [] });
    await given.until("all are given back", () => released(given).length === 2);
    await given.until("it is as free as any", () => given.role === "independent");
    given.serve(outside);
    await given.until("it fetches freely", () => given.peer.receivedBytes > 20 * PIECE);
  });
});
