import { describe, expect, test } from "vitest";
import { Booked, piecesOf, type TestMember } from "./support/booked.ts";
import { endpoint } from "./support/endpoints.ts";

function two(options = {}): [Booked, TestMember, TestMember] {
  return Booked.with(2, options) as [Booked, TestMember, TestMember];
}

describe("a claim", () => {
  test("is granted the best of its pieces that are free, as many as it asks for", () => {
    const [booked, a, b] = two();
    expect(booked.granted(a, [5, 3, 9], { n: 2 })).toEqual([5, 3]);
    expect(booked.granted(b, [5, 3, 9, 1], { n: 4 })).toEqual([9, 1]);
    expect(booked.book.stateOf(5)).toMatchObject({ is: "claimed", member: a });
    expect(booked.book.isClaimed(5)).toBe(true);
    expect(booked.book.isClaimed(7)).toBe(false);
  });

  test("is denied when all is claimed, or held, with the map of what is taken", () => {
    const [booked, a, b] = two();
    booked.granted(a, [3]);
    expect(booked.claim(b, [3])).toMatchObject({ m: "deny", why: "claimed" });
    booked.hold(a, 3);
    const answer = booked.claim(b, [3]);
    expect(answer).toMatchObject({ m: "deny", why: "held" });
    expect(piecesOf(answer?.m === "deny" ? answer.taken : undefined)).toEqual([3]);
  });

  test("is counted, as asked, granted in pieces, denied and expired", () => {
    const [booked, a, b] = two();
    booked.claim(a, [1, 2]);
    booked.claim(b, [1]);
    booked.pass(11_000);
    expect(booked.book.accounts).toEqual({ asked: 2, granted: 2, denied: 1, expired: 2 });
  });

  test("of what is no piece, of nothing, or for none is denied", () => {
    const [booked, a] = two();
    expect(booked.denial(a, [-1, 16, 1.5, Number.NaN])).toBe("held");
    expect(booked.denial(a, [], { n: 5 })).toBe("held");
    expect(booked.denial(a, [1], { n: 0 })).toBe("window");
    expect(booked.denial(a, [1], { n: Number.NaN })).toBe("window");
    expect(booked.granted(a, [1, 1, 1], { n: 1e9, up: Number.NaN })).toEqual([1]);
  });

  test("of a stock client, or of somebody who is no member, is not answered", () => {
    const [booked] = two();
    const stock = booked.join(false);
    const stranger = { name: "stranger", endpoint: undefined, told: [] };
    expect(booked.claim(stock, [1])).toBeUndefined();
    expect(booked.claim(stranger, [1])).toBeUndefined();
    booked.hold(stranger, 1);
    expect(booked.book.stateOf(1)).toEqual({ is: "free" });
  });
});

describe("a grant", () => {
  test("runs out after 10 s, and its owner is told to stop", () => {
    const [booked, a, b] = two();
    expect(booked.claim(a, [3])).toMatchObject({ ttlMs: 10_000 });
    booked.pass(9_900);
    expect(booked.denial(b, [3])).toBe("claimed");
    booked.pass(500);
    expect(booked.heard(a, "revoke")).toEqual([{ m: "revoke", piece: 3 }]);
    expect(booked.granted(b, [3])).toEqual([3]);
  });

  test("lasts while it is renewed, and not for ever", () => {
    const [booked, a] = two();
    booked.granted(a, [3]);
    booked.pass(590_000, () => booked.send(a, { m: "renew", pieces: [3] }));
    expect(booked.book.stateOf(3)).toMatchObject({ is: "claimed" });
    booked.pass(15_000, () => booked.send(a, { m: "renew", pieces: [3] }));
    expect(booked.book.accounts.expired).toBe(1);
  });

  test("runs out after 5 s where pieces take under a second", () => {
    const [booked, a] = two();
    booked.granted(a, [1]);
    booked.now += 500;
    booked.hold(a, 1);
    expect(booked.claim(a, [2])).toMatchObject({ ttlMs: 5_000 });
  });

  test("ends when its owner leaves, or gives it back", () => {
    const [booked, a, b] = two();
    booked.granted(a, [1, 2]);
    booked.send(a, { m: "release", piece: 1, why: "choked", from: endpoint(999) });
    expect(booked.book.stateOf(1)).toEqual({ is: "free" });
    booked.book.left(a, booked.now);
    expect(booked.granted(b, [1, 2])).toEqual([1, 2]);
  });

  test("is not given back or renewed by anybody else", () => {
    const [booked, a, b] = two();
    booked.granted(a, [1]);
    booked.send(b, { m: "release", piece: 1, why: "stalled", from: endpoint(999) });
    booked.send(b, { m: "renew", pieces: [1] });
    expect(booked.book.stateOf(1)).toMatchObject({ member: a });
    expect(booked.heard(b, "revoke")).toEqual([{ m: "revoke", piece: 1 }]);
  });

  test("is revoked when another member turns out to hold the piece", () => {
    const [booked, a, b] = two();
    booked.granted(a, [1]);
    booked.hold(b, 1);
    expect(booked.heard(a, "revoke")).toEqual([{ m: "revoke", piece: 1 }]);
    expect(booked.book.stateOf(1)).toMatchObject({ is: "held", holders: [b] });
  });

  test("that the book lost is taken up again when it is renewed", () => {
    const [booked, a] = two();
    booked.send(a, { m: "renew", pieces: [7] });
    expect(booked.book.stateOf(7)).toMatchObject({ is: "claimed", member: a });
  });
});

describe("a member's window", () => {
  test("begins with four claims, and grows by each delivery", () => {
    const [booked, a] = two();
    expect(booked.granted(a, [0, 1, 2, 3, 4, 5])).toEqual([0, 1, 2, 3]);
    expect(booked.denial(a, [4, 5, 6, 7])).toBe("window");
    booked.hold(a, 0);
    expect(booked.granted(a, [4, 5, 6, 7])).toEqual([4, 5]);
  });

  test("is halved by an expiry, after which nothing is granted for 5 s, then 10 s", () => {
    const [booked, a] = two();
    booked.granted(a, [0, 1, 2, 3]);
    booked.pass(10_000);
    expect(booked.denial(a, [4], { from: endpoint(1) })).toBe("window");
    booked.pass(5_000);
    expect(booked.granted(a, [4, 5, 6], { from: endpoint(2) })).toEqual([4, 5]);
    booked.pass(10_000);
    booked.pass(9_000);
    expect(booked.denial(a, [7], { from: endpoint(3) })).toBe("window");
    booked.pass(1_000);
    expect(booked.granted(a, [7, 8], { from: endpoint(4) })).toEqual([7]);
  });

  test("pauses for 5 s again after a delivery", () => {
    const [booked, a] = two();
    for (const from of [1, 2]) {
      booked.granted(a, [0], { from: endpoint(from) });
      booked.pass(10_000 + 10_000);
    }
    booked.granted(a, [1], { from: endpoint(3) });
    booked.hold(a, 1);
    booked.granted(a, [2], { from: endpoint(4) });
    booked.pass(10_000 + 5_000);
    expect(booked.granted(a, [3], { from: endpoint(5) })).toEqual([3]);
  });

  test("and its pause are the same when it comes back from where it was", () => {
    const [booked, a] = two();
    booked.hold(a, 0);
    booked.granted(a, [1, 2, 3, 4]);
    booked.pass(10_000);
    booked.book.left(a, booked.now);
    const back = booked.join(true, a.endpoint);
    const other = booked.join();
    expect(booked.denial(back, [5], { from: endpoint(1) })).toBe("window");
    expect(booked.granted(other, [5, 6, 7, 8, 9]).length).toBe(4);
    booked.pass(5_000);
    expect(booked.granted(back, [10, 11, 12], { from: endpoint(1) })).toEqual([10, 11]);
  });
});

describe("an external peer", () => {
  const bad = endpoint(500);

  function fail(booked: Booked, member: TestMember, why: "stalled" | "bad data" | "choked"): void {
    expect(booked.granted(member, [0], { from: bad })).toEqual([0]);
    booked.send(member, { m: "release", piece: 0, why, from: bad });
  }

  test("that failed three times is avoided by all for 5 minutes, while pieces come from others", () => {
    const [booked, a, b] = two({ pieceCount: 100 });
    fail(booked, a, "stalled");
    fail(booked, b, "bad data");
    fail(booked, a, "stalled");
    expect(booked.denial(b, [0], { from: bad })).toBe("window");
    expect(booked.granted(b, [0], { from: endpoint(501) })).toEqual([0]);
    for (let piece = 10; piece < 39; piece++) {
      expect(booked.granted(b, [piece], { from: endpoint(501) })).toEqual([piece]);
      booked.hold(b, piece);
      booked.pass(10_000, () => booked.send(b, { m: "renew", pieces: [0] }));
    }
    expect(booked.denial(a, [1], { from: bad })).toBe("window");
    booked.pass(10_000);
    expect(booked.granted(a, [1], { from: bad })).toEqual([1]);
  });

  test("that failed is better than none when nothing has come from outside for 15 s", () => {
    const [booked, a, b] = two();
    for (const member of [a, b, a]) fail(booked, member, "stalled");
    booked.pass(13_750);
    expect(booked.denial(a, [0], { from: bad })).toBe("window");
    booked.pass(250);
    expect(booked.granted(a, [0], { from: bad })).toEqual([0]);
    booked.hold(a, 0);
    expect(booked.granted(b, [1], { from: bad })).toEqual([1]);
  });

  test("that failed for one member only is avoided by that one only", () => {
    const [booked, a, b] = two();
    for (let i = 0; i < 3; i++) fail(booked, a, "stalled");
    expect(booked.denial(a, [0], { from: bad })).toBe("window");
    expect(booked.granted(b, [0], { from: bad })).toEqual([0]);
  });

  test("that chokes has not failed", () => {
    const [booked, a, b] = two();
    for (const member of [a, b, a, b, a]) fail(booked, member, "choked");
    expect(booked.granted(a, [0], { from: bad })).toEqual([0]);
  });

  test("that served a piece starts anew", () => {
    const [booked, a, b] = two();
    fail(booked, a, "stalled");
    fail(booked, b, "stalled");
    booked.granted(a, [1], { from: bad });
    booked.hold(a, 1);
    fail(booked, a, "stalled");
    expect(booked.granted(b, [0], { from: bad })).toEqual([0]);
  });
});

describe("a slow member", () => {
  test("is refused a piece for 10 s, then granted it", () => {
    const [booked, slow, a, b] = Booked.with(3) as [Booked, TestMember, TestMember, TestMember];
    booked.claim(a, [14], { up: 1000 });
    booked.claim(b, [15], { up: 1000 });
    expect(booked.denial(slow, [0], { up: 499 })).toBe("slow");
    booked.pass(9_750);
    expect(booked.denial(slow, [0], { up: 499 })).toBe("slow");
    booked.pass(250);
    expect(booked.granted(slow, [0], { up: 499 })).toEqual([0]);
  });

  test("is one with less than half of the median, of those that are here", () => {
    const [booked, slow, a, b] = Booked.with(3) as [Booked, TestMember, TestMember, TestMember];
    booked.claim(a, [14], { up: 1000 });
    booked.claim(b, [15], { up: 1000 });
    expect(booked.granted(slow, [0], { up: 500 })).toEqual([0]);
    expect(booked.denial(slow, [1], { up: 10 })).toBe("slow");
    booked.book.left(a, booked.now);
    booked.book.left(b, booked.now);
    expect(booked.granted(slow, [1], { up: 10 })).toEqual([1]);
  });
});
