import { type PeerId, peerIdFromBytes } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { Booked, piecesOf, type TestMember } from "./support/booked.ts";

const newHead: PeerId = peerIdFromBytes(new Uint8Array(20).fill(7));

function standby(count: number): [Booked, ...TestMember[]] {
  const booked = new Booked();
  return [booked, ...Array.from({ length: count }, () => booked.join())];
}

function two(): [Booked, TestMember, TestMember] {
  return Booked.with(2) as [Booked, TestMember, TestMember];
}

describe("a book", () => {
  test("grants nothing before it takes over, and says so", () => {
    const [booked, a] = standby(1) as [Booked, TestMember];
    expect(booked.denial(a, [1])).toBe("not head");
  });

  test("waits for the open claims of all its members, then answers what was claimed meanwhile", () => {
    const [booked, a, b] = standby(2) as [Booked, TestMember, TestMember];
    booked.book.takeOver(1, booked.now);
    booked.send(a, { m: "open", pieces: [3], ttlsMs: [4000] });
    expect(booked.claim(a, [3, 4])).toBeUndefined();
    booked.send(b, { m: "open", pieces: [], ttlsMs: [] });
    expect(booked.heard(a, "grant").map(({ pieces }) => pieces)).toEqual([[4]]);
    expect(booked.heard(b, "taken_map").map(({ bits }) => piecesOf(bits))).toEqual([[3]]);
  });

  test("waits for a second at most, and not for stock clients, nor for who has everything", () => {
    const [booked, a, seed] = standby(2) as [Booked, TestMember, TestMember];
    booked.join(false);
    booked.hold(seed, ...Array(15).keys());
    booked.book.takeOver(1, booked.now);
    booked.claim(a, [3]);
    booked.pass(750);
    expect(booked.heard(a, "deny")).toEqual([]);
    booked.pass(250);
    expect(booked.heard(a, "deny").length).toBe(1);
    booked.book.stepDown(undefined, 2, booked.now);
    booked.hold(seed, 15);
    booked.book.takeOver(3, booked.now);
    booked.send(a, { m: "open", pieces: [], ttlsMs: [] }, 3);
    expect(booked.denial(a, [3])).toBe("held");
  });

  test("takes open claims also before it knows that it is head", () => {
    const [booked, a, b] = standby(2) as [Booked, TestMember, TestMember];
    booked.send(a, { m: "open", pieces: [3], ttlsMs: [4000] });
    booked.send(b, { m: "open", pieces: [], ttlsMs: [] });
    booked.book.takeOver(1, booked.now);
    expect(booked.denial(b, [3])).toBe("claimed");
    booked.pass(4000);
    expect(booked.granted(b, [3])).toEqual([3]);
    expect(booked.book.accounts.expired).toBe(0);
  });

  test("believes the owner of a claim more than a head that passes it on", () => {
    const [booked, oldHead, owner] = standby(2) as [Booked, TestMember, TestMember];
    booked.send(oldHead, { m: "open", pieces: [], ttlsMs: [] });
    booked.send(oldHead, { m: "open", pieces: [3, 4], ttlsMs: [9000, 9000] });
    booked.send(owner, { m: "open", pieces: [3], ttlsMs: [9000] });
    booked.send(oldHead, { m: "open", pieces: [3], ttlsMs: [9000] });
    expect(booked.book.stateOf(3)).toMatchObject({ member: owner });
    expect(booked.book.stateOf(4)).toMatchObject({ member: oldHead });
  });

  test("stops who had a claim of another head on a piece that it granted itself, or that is held", () => {
    const [booked, a, b] = two();
    booked.granted(a, [3]);
    booked.hold(a, 4);
    booked.send(b, { m: "open", pieces: [3, 4, 5], ttlsMs: [9000, 9000, 9000] });
    expect(booked.heard(b, "revoke").map(({ piece }) => piece)).toEqual([3, 4]);
    expect(booked.book.stateOf(5)).toMatchObject({ member: b });
  });

  test("that steps down denies, names the new head, and passes its open claims on", () => {
    const [booked, a, b] = two();
    booked.granted(a, [3, 4]);
    booked.now += 1000;
    booked.book.stepDown(newHead, 2, booked.now);
    expect(booked.claim(b, [5])).toEqual({ m: "deny", q: 2, why: "not head", head: newHead });
    expect(booked.book.openClaims(booked.now)).toEqual([{ m: "open", pieces: [3, 4], ttlsMs: [9000, 9000] }]);
    booked.pass(20_000);
    expect(booked.book.openClaims(booked.now)).toEqual([]);
    expect([...booked.heard(a, "revoke"), ...booked.heard(b, "taken_map")]).toEqual([]);
  });

  test("that steps down answers what still waits", () => {
    const [booked, a] = standby(2) as [Booked, TestMember];
    booked.book.takeOver(1, booked.now);
    booked.claim(a, [3]);
    booked.book.stepDown(newHead, 2, booked.now);
    expect(booked.heard(a, "deny").map(({ why }) => why)).toEqual(["not head"]);
    expect(booked.book.load.parked).toBe(0);
  });

  test("grants nothing from the first word of a newer term on", () => {
    const [booked, a, b] = two();
    booked.send(a, { m: "renew", pieces: [] }, 2);
    expect(booked.book.isSuspended).toBe(true);
    expect(booked.denial(b, [1])).toBe("not head");
    booked.book.takeOver(2, booked.now);
    expect(booked.granted(b, [1])).toEqual([1]);
  });

  test("is not stopped again by who spoke of a term that there is not", () => {
    const [booked, liar, a] = two();
    booked.send(liar, { m: "renew", pieces: [] }, 99);
    booked.book.takeOver(1, booked.now);
    booked.send(liar, { m: "renew", pieces: [] }, 100);
    expect(booked.granted(a, [1])).toEqual([1]);
  });

  test("goes on when nobody confirms the newer term", () => {
    const [booked, liar, a] = two();
    booked.send(liar, { m: "renew", pieces: [] }, 99);
    booked.pass(10_000);
    expect(booked.granted(a, [1])).toEqual([1]);
  });

  test("keeps its claims and its windows when its own term is renewed", () => {
    const [booked, a, b] = two();
    booked.granted(a, [1]);
    booked.book.takeOver(2, booked.now);
    expect(booked.denial(b, [1])).toBe("claimed");
  });

  test("keeps no more claims waiting than 64 of each member", () => {
    const [booked, a] = standby(2) as [Booked, TestMember];
    booked.book.takeOver(1, booked.now);
    for (let i = 0; i < 100; i++) booked.claim(a, [3]);
    expect(booked.book.load.parked).toBe(64);
    expect(booked.heard(a, "deny").length).toBe(36);
    booked.book.left(a, booked.now);
    expect(booked.book.load.parked).toBe(0);
  });
});
