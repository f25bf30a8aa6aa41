import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following, PIECE } from "./support/following.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const { escapeMs } = LIMITS.cache;
const requests = (raw: RawPeer) =>
  raw.messages.filter(([name]) => name === "request").map(([, piece]) => piece);

/** A peer of another AS that has these pieces, and unchokes. */
async function outsider(given: Following, n: number, pieces: readonly number[]): Promise<RawPeer> {
  const raw = await given.join(`127.2.0.${100 + n}`, n);
  for (const piece of pieces) raw.wire.have(piece);
  raw.wire.unchoke();
  return raw;
}

describe("a follower no leader of which answers", () => {
  it("fetches one piece at a time from outside, when nothing has come for 15 s", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    const begun = given.clock.now();
    const outside = await outsider(given, 1, [1, 5, 9, 13]);
    await given.until("it asks outside", () => outside.count("request") > 0);
    expect(given.clock.now() - begun).toBeGreaterThanOrEqual(escapeMs - 100);
    expect(given.clock.now() - begun).toBeLessThan(escapeMs + 2000);
    await given.pass(3000);
    expect(outside.count("request")).toBe(1);
    given.serve(outside);
    await given.until("it has got all that is there", () => given.peer.receivedBytes === 4 * PIECE);
    expect([...requests(outside)].sort()).toEqual([1, 13, 5, 9]);
    const { escapes, roles } = given.peer.accounts;
    expect(escapes).toBe(1);
    expect(roles.at(-1)?.role).toBe("follower");
  });

  it("asks one peer outside at a time, of several", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    const one = await outsider(given, 1, [1, 5, 9]);
    const two = await outsider(given, 2, [2, 6, 10]);
    const asked = () => one.count("request") + two.count("request");
    await given.until("it asks outside", () => asked() > 0);
    await given.pass(5000);
    expect(asked()).toBe(1);
    await given.until("it tries another piece after 15 s in vain", () => asked() > 1);
    await given.pass(1000);
    const open = asked() - one.count("cancel") - two.count("cancel");
    expect(open).toBe(1);
  });

  it("dials outside seeds for it, and lets them go when a leader answers", async () => {
    const given = await Following.begin({ outsideSeeds: 1, outside: 1, leaders: ["silent"], pieces: 400 });
    const met = given.outsideSeeds[0]?.met ?? [];
    await given.until("it has let the seed go", () => met[0]?.isClosed === true);
    await given.until("it has got something", () => given.peer.receivedBytes > 0);
    expect(met).toHaveLength(2);
    given.leader.manner = "starts";
    await given.until("it lets the seed go again", () => met[1]?.isClosed === true);
    expect(given.peer.completed.size).toBe(0);
    const { receivedBytes } = given.peer;
    await given.pass(12_000);
    expect(given.peer.receivedBytes).toBe(receivedBytes);
    expect(given.peer.accounts.escapes).toBe(1);
  });

  it("takes its request back as soon as a leader answers", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    const outside = await outsider(given, 1, [1, 5]);
    await given.until("it asks outside", () => outside.count("request") === 1);
    given.leader.manner = "starts";
    await given.until("it takes that back", () => outside.count("cancel") === 1);
    await given.until("it is interested no more", () => outside.count("uninterested") > 0);
    await given.pass(20_000);
    expect(outside.count("request")).toBe(1);
  });

  it("gets everything in the end", async () => {
    const given = await Following.begin({ outsideSeeds: 1, leaders: ["silent"], outside: 1, pieces: 12 });
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.peer.torrent.status().externalBytes).toBe(given.torrent.content.length);
    expect(given.peer.accounts.escapes).toBe(1);
  });
});

describe("a follower does not escape", () => {
  it("while a leader answers, though nothing comes", async () => {
    const given = await Following.begin({ outside: 1 });
    const outside = await outsider(given, 1, [1, 5]);
    await given.pass(60_000);
    expect(outside.count("request")).toBe(0);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("when there is nothing to ask a leader, nor when an outside peer comes then", async () => {
    const given = await Following.begin();
    await given.until("it is connected", () => given.leader.isConnected);
    await given.pass(40_000);
    const outside = await given.join("127.2.0.9", 1, "none", 7009);
    outside.wire.have(3);
    outside.wire.unchoke();
    await given.until("its leader is asked", () => given.leader.asked.length > 0);
    await given.pass(2000);
    expect(outside.count("request")).toBe(0);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("while pieces come from inside", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    const outside = await outsider(given, 1, [1, 5]);
    const inside = await given.join("127.1.0.9", 2);
    given.serve(inside);
    for (const piece of [20, 21, 22, 23]) {
      inside.wire.have(piece);
      await given.pass(10_000);
    }
    expect(given.peer.receivedBytes).toBe(4 * PIECE);
    expect(outside.count("request")).toBe(0);
    await given.until("it asks outside", () => outside.count("request") > 0);
  });

  it("when it is complete", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"], seeds: true });
    const outside = await outsider(given, 1, [1, 5]);
    await given.pass(60_000);
    expect(outside.count("interested")).toBe(0);
    expect(given.peer.accounts.escapes).toBe(0);
    expect(given.tracker.reports).toEqual([]);
  });

  it("at once when a new result comes, if the old leaders answered a moment ago", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["starts", "silent"] });
    const [first, second] = given.leaders;
    given.tracker.tell({ leaders: first ? [first] : [] });
    await given.pass(40_000);
    const outside = await outsider(given, 1, [1, 5]);
    given.tracker.tell({ leaders: second ? [second] : [] });
    await given.until("the new one is asked", () => second?.raw.count("leader_start") !== 0);
    await given.pass(5000);
    expect(outside.count("request")).toBe(0);
  });
});
