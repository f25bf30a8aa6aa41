import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, PIECE, requests } from "./support/claiming.ts";

const { escapeMs, starvedMs } = LIMITS.cache;

/** Nobody in office is there any more. */
function killAll(given: Claiming): void {
  for (const officer of given.officers) {
    officer.greets = false;
    given.silent.add(officer);
  }
}

describe("a member of an AS whose head and standby are gone", () => {
  it("fetches one piece at a time from outside when nothing has come for 15 s, and the ledger says so", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [1, 5, 9] });
    outside.wire.unchoke();
    killAll(given);
    const goneAt = given.clock.now();
    await given.until("it asks outside", () => outside.count("request") > 0);
    expect(given.clock.now() - goneAt).toBeGreaterThanOrEqual(escapeMs);
    expect(given.clock.now() - goneAt).toBeLessThan(escapeMs + 6000);
    await given.pass(3000);
    expect(outside.count("request")).toBe(1);
    given.serve(outside);
    await given.until("it has all that is there", () => given.peer.receivedBytes === 3 * PIECE);
    expect([...requests(outside)].sort()).toEqual([1, 5, 9]);
    expect(given.peer.accounts.escapes).toBe(1);
  });

  it("does not escape as long as pieces come", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [1] });
    const inside = await given.insider(1, { have: Array.from({ length: 20 }, (_, i) => 20 + i) });
    outside.wire.unchoke();
    inside.wire.unchoke();
    killAll(given);
    let sent = 0;
    for (let i = 0; i < 6; i++) {
      await given.pass(5000);
      const asked = inside.messages.filter(([name]) => name === "request")[sent++];
      if (asked) given.send(inside, asked[1] ?? 0);
    }
    expect(sent).toBe(6);
    expect(outside.count("request")).toBe(0);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("asks for nothing without a grant once a head answers again", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    killAll(given);
    await given.until("it asks outside", () => outside.count("request") > 0);
    const { head } = given;
    head.greets = true;
    given.silent.delete(head);
    given.denying.add(head);
    const opens = () => given.toldTo(head, "open").length;
    const before = opens();
    await given.until("the head hears of it", () => opens() > before);
    await given.until("it takes back what it asked for", () => outside.count("cancel") > 0);
    const asked = outside.count("request");
    await given.pass(20_000);
    expect(outside.count("request")).toBe(asked);
    expect(given.peer.accounts.escapes).toBe(1);
  });
});

describe("a head or standby", () => {
  it("never escapes: it keeps the book itself", async () => {
    const given = await Claiming.begin({ office: "head" });
    killAll(given);
    const outside = await given.outsider(1, { have: [3, 4] });
    given.serve(outside);
    await given.until("it has both", () => given.peer.receivedBytes === 2 * PIECE);
    await given.pass(40_000);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("that is alone in its AS fetches everything once", async () => {
    const given = await Claiming.begin({ office: "head", others: 0 });
    const outside = await given.outsider(1, { have: "all" });
    given.serve(outside);
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(new Set(requests(outside)).size).toBe(requests(outside).length);
    expect(given.peer.torrent.status().externalBytes).toBe(40 * PIECE);
  });
});

describe("a head that gets nothing, although a neighbour outside has something", () => {
  it("does not escape from itself, nor blames its standby: what is free it grants to itself", async () => {
    const given = await Claiming.begin({ office: "head" });
    // A member says that it holds what it does not give, so that it is taken; outside it could be had.
    await given.insider(1, { have: [1] });
    const outside = await given.outsider(1, { have: [1] });
    await given.pass(starvedMs + 10_000, 250);
    expect(given.peer.accounts.escapes).toBe(0);
    expect(given.tracker.reports).toEqual([]);
    expect(outside.count("request")).toBe(0);
  });
});
