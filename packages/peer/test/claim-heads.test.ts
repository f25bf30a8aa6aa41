import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, haves, requests } from "./support/claiming.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const { headSilenceMs } = LIMITS.claims;

/** With an outside neighbour that would give, and a piece granted of it. */
async function granted(pieces: readonly number[]): Promise<{ given: Claiming; outside: RawPeer }> {
  const given = await Claiming.begin();
  const outside = await given.outsider(1, { have: "all" });
  outside.wire.unchoke();
  await given.claimed();
  given.grant(pieces);
  await given.until("it asks", () => outside.count("request") > 0);
  return { given, outside };
}

describe("a member", () => {
  it("is connected with head and standby, and claims at the head", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    await given.claimed();
    await given.pass(3000);
    expect(given.claims(given.standby)).toEqual([]);
  });

  it("hears what the head says in its first breath", async () => {
    const given = await Claiming.begin();
    const { head } = given;
    head.firstWord = { m: "taken_map", bits: Uint8Array.of(0xff, 0, 0, 0, 0), from: 0 };
    head.raw.socket.destroy();
    const opens = () => given.toldTo(head, "open").length;
    const before = opens();
    await given.until("it is there again", () => opens() > before);
    const outside = await given.outsider(1, { have: [2, 3] });
    await given.pass(2000);
    expect(outside.count("interested")).toBe(0);
  });

  it("looks on a head as lost that has been silent for 3 s, and asks the standby", async () => {
    const { given } = await granted([7]);
    given.silent.add(given.head);
    const silentSince = given.clock.now();
    const { raw } = given.head;
    await given.until("it gives the head up", () => raw.isClosed);
    expect(given.clock.now() - silentSince).toBeGreaterThanOrEqual(headSilenceMs - 500);
    expect(given.clock.now() - silentSince).toBeLessThan(headSilenceMs + 1500);
    given.head.greets = false;
    await given.claimed(1, given.standby);
    expect(given.toldTo(given.standby, "open")).toMatchObject([{ pieces: [7] }]);
  });

  it("tells the standby of its claims when the connection with the head is reset, and goes on with them", async () => {
    const { given, outside } = await granted([7, 9, 11]);
    given.head.greets = false;
    given.head.raw.socket.resetAndDestroy();
    await given.until("the standby knows", () => given.toldTo(given.standby, "open").length > 0);
    const [open] = given.toldTo(given.standby, "open");
    expect(open?.pieces).toEqual([7, 9, 11]);
    expect(Math.min(...(open?.ttlsMs ?? []))).toBeGreaterThan(5000);
    given.serve(outside);
    await given.until("it has them", () => given.peer.receivedBytes > 0);
    await given.until("it has asked for all three", () => requests(outside).length === 3);
    await given.until("the standby has heard of all", () => haves(given.standby.raw).length === 3);
    expect(outside.count("cancel")).toBe(0);
  });

  it("reports a head that it does not reach any more", async () => {
    const { given } = await granted([7]);
    given.head.greets = false;
    const dials = given.head.met.length;
    given.head.raw.socket.destroy();
    await given.until("it dials again", () => given.head.met.length > dials);
    given.head.raw.socket.destroy();
    await given.claimed(1, given.standby);
    await given.until("the tracker hears of it", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports[0]).toBe(given.head.peerId);
  });

  it("goes back to the head when that is there again", async () => {
    const { given } = await granted([7]);
    await given.claimed(2);
    given.head.raw.socket.destroy();
    await given.until("the standby knows", () => given.toldTo(given.standby, "open").length > 0);
    await given.until("so does the head again", () => given.toldTo(given.head, "open").length > 1);
    await given.claimed(3);
  });

  it("reports a head that leaves a claim unanswered for 10 s, and asks the standby", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    await given.claimed();
    const askedAt = given.clock.now();
    await given.claimed(1, given.standby);
    expect(given.clock.now() - askedAt).toBeGreaterThanOrEqual(LIMITS.cache.answerMs);
    expect(given.clock.now() - askedAt).toBeLessThan(LIMITS.cache.answerMs + 2000);
    await given.until("the tracker hears of it", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([given.head.peerId]);
    given.grant([4], 10_000, given.standby);
    await given.until("it asks", () => outside.count("request") > 0);
  });

  it("tells the head of a newer term of its claims, and asks that one", async () => {
    const { given } = await granted([7, 9]);
    await given.elect([given.standby, given.head]);
    await given.until("the new head knows", () => given.toldTo(given.standby, "open").length > 0);
    expect(given.toldTo(given.standby, "open")[0]?.pieces).toEqual([7, 9]);
    const claims = given.claims().length;
    await given.claimed(1, given.standby);
    await given.pass(3000);
    expect(given.claims()).toHaveLength(claims);
  });

  it("believes nobody who is not where the tracker says that the head is", async () => {
    const given = await Claiming.begin();
    const false_ = await given.insider(1, { peerId: given.head.peerId }).catch(() => undefined);
    const outside = await given.outsider(1, { have: [5] });
    await given.until("it is interested", () => outside.count("interested") > 0);
    false_?.tell({ m: "taken", pieces: [5] });
    await given.pass(2000);
    expect(outside.count("uninterested")).toBe(0);
  });

  it("does not dial head and standby again and again once all are complete", async () => {
    const given = await Claiming.begin({ pieces: 4 });
    const greeted = new Set<RawPeer>();
    const greet = (): void => {
      for (const raw of given.officers.flatMap(({ met }) => met)) {
        if (greeted.has(raw) || raw.count("extended") === 0) continue;
        greeted.add(raw);
        raw.wire.haveAll();
        given.serve(raw);
      }
    };
    await given.until("it is complete", () => {
      greet();
      return given.peer.completed.size > 0;
    });
    const until = given.clock.now() + 60_000;
    await given.until("a minute is over", () => {
      greet();
      return given.clock.now() > until;
    });
    expect(given.officers.map(({ met }) => met.length)).toEqual([1, 1]);
    expect(given.tracker.reports).toEqual([]);
  });
});
