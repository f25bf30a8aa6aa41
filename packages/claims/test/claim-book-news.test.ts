import { peerIdFromBytes } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { Booked, piecesOf, type TestMember } from "./support/booked.ts";
import { endpoint } from "./support/endpoints.ts";

function two(options = {}): [Booked, TestMember, TestMember] {
  return Booked.with(2, options) as [Booked, TestMember, TestMember];
}

function maps(booked: Booked, member: TestMember): number[][] {
  return booked.heard(member, "taken_map").map(({ bits }) => piecesOf(bits));
}

describe("what is taken", () => {
  test("is told to all members, at most once a second", () => {
    const [booked, a, b] = two({ pieceCount: 1000 });
    booked.granted(a, [1]);
    booked.pass(250);
    booked.hold(b, 2);
    booked.pass(750);
    expect(booked.heard(b, "taken")).toEqual([{ m: "taken", pieces: [1] }]);
    booked.pass(250);
    expect(booked.heard(b, "taken")).toEqual([{ m: "taken", pieces: [2] }]);
    booked.hold(a, 1);
    booked.pass(5000);
    expect(booked.heard(b, "taken")).toEqual([]);
    expect(maps(booked, b)).toEqual([]);
  });

  test("is told four times a second where pieces take under a fifth of one", () => {
    const [booked, a, b] = two({ pieceCount: 1000 });
    booked.granted(a, [1]);
    booked.now += 100;
    booked.hold(a, 1);
    booked.pass(1000);
    booked.heard(b, "taken");
    for (const piece of [2, 3, 4]) {
      booked.hold(a, piece);
      booked.pass(250);
    }
    expect(booked.heard(b, "taken").map(({ pieces }) => pieces)).toEqual([[2], [3], [4]]);
  });

  test("is told as a whole when a piece is free again", () => {
    const [booked, a, b] = two({ pieceCount: 1000 });
    booked.granted(a, [1, 2]);
    booked.pass(1000);
    booked.send(a, { m: "release", piece: 1, why: "choked", from: endpoint(9) });
    booked.pass(1000);
    expect(maps(booked, b)).toEqual([[2]]);
  });

  test("is told as a whole now and then while the AS misses something", () => {
    const [booked, a, b] = two();
    booked.pass(60_000);
    expect(maps(booked, b).length).toBe(2);
    booked.hold(a, ...Array(16).keys());
    booked.pass(2000);
    maps(booked, b);
    booked.pass(60_000);
    expect(maps(booked, b)).toEqual([]);
  });

  test("is told to who joins, and not to stock clients, nor to those that have all", () => {
    const [booked, a] = two();
    booked.hold(a, ...Array(16).keys());
    const late = booked.join();
    const stock = booked.join(false);
    expect(maps(booked, late)).toEqual([[...Array(16).keys()]]);
    booked.pass(2000);
    expect([...a.told, ...stock.told]).toEqual([]);
  });

  test("comes with denials, where it is long at most once a second", () => {
    const [booked, a, b] = two({ pieceCount: 10_000 });
    booked.granted(a, [1]);
    const maps = [1000, 500, 500].map((ms) => {
      booked.now += ms;
      const answer = booked.claim(b, [1]);
      return answer?.m === "deny" && answer.taken !== undefined;
    });
    expect(maps).toEqual([true, false, true]);
  });

  test("comes in parts where the map is longer than a message may be", () => {
    const [booked, a] = two({ pieceCount: 600_000 });
    booked.hold(a, 524_288);
    const late = booked.join();
    const parts = booked.heard(late, "taken_map");
    expect(parts.map(({ from, bits }) => [from, bits.length])).toEqual([
      [0, 65_536],
      [524_288, 9_464],
    ]);
    expect(piecesOf(parts[1]?.bits)).toEqual([0]);
  });
});

describe("who holds a piece", () => {
  test("is told, without those that did not serve, and without who asks", () => {
    const [booked, a, b] = two();
    const asker = booked.join();
    for (const member of [a, b, asker]) booked.hold(member, 4);
    booked.send(asker, { m: "where", q: 7, piece: 4, not: a.endpoint ? [a.endpoint] : [] });
    expect(booked.heard(asker, "holders")).toEqual([
      { m: "holders", q: 7, piece: 4, endpoints: [b.endpoint] },
    ]);
  });

  test("is told of eight at most", () => {
    const [booked, asker] = two();
    for (let i = 0; i < 20; i++) booked.hold(booked.join(false), 4);
    booked.send(asker, { m: "where", q: 7, piece: 4, not: [] });
    expect(booked.heard(asker, "holders")[0]?.endpoints.length).toBe(8);
  });

  test("is dropped when two members were not served by it for 20 s", () => {
    const [booked, liar, a, b] = Booked.with(3) as [Booked, TestMember, TestMember, TestMember];
    booked.hold(liar, 4);
    const not = liar.endpoint ? [liar.endpoint] : [];
    booked.send(a, { m: "where", q: 1, piece: 4, not });
    booked.pass(19_000);
    booked.send(b, { m: "where", q: 1, piece: 4, not });
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held" });
    booked.pass(1000);
    expect(booked.book.stateOf(4)).toEqual({ is: "free" });
    expect(booked.granted(a, [4])).toEqual([4]);
  });

  test("is not dropped on one member's word, nor when somebody was served meanwhile", () => {
    const [booked, holder, a, b] = Booked.with(3) as [Booked, TestMember, TestMember, TestMember];
    booked.hold(holder, 4, 5);
    const not = holder.endpoint ? [holder.endpoint] : [];
    for (const piece of [4, 5]) booked.send(a, { m: "where", q: 1, piece, not });
    booked.send(b, { m: "where", q: 1, piece: 5, not });
    booked.hold(b, 5);
    booked.pass(40_000);
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held" });
    expect(booked.book.stateOf(5)).toMatchObject({ is: "held" });
  });

  test("is waited for while others get from it what it alone held, unless it is slow, by those that miss much besides", () => {
    const booked = new Booked();
    const [holder, a, b] = [booked.join(), booked.join(), booked.join()] as const;
    booked.book.takeOver(booked.term, booked.now);
    const declare = (up: number) => {
      for (const one of [a, b]) booked.granted(one, [15], { up: 1000 });
      booked.granted(holder, [14], { up });
    };
    const doubt = (piece: number, doubters = [a, b]) => {
      for (const one of doubters) {
        booked.send(one, { m: "where", q: 1, piece, not: holder.endpoint ? [holder.endpoint] : [] });
      }
      booked.pass(20_000);
      return booked.book.stateOf(piece).is;
    };
    declare(1000);
    booked.hold(holder, 0, 1, 2, 3, 4, 5);
    booked.hold(a, 5);
    expect(doubt(0)).toBe("held");
    for (const one of [a, b]) booked.hold(one, 6, 7, 8, 9, 10, 11, 12, 13);
    expect(doubt(0)).toBe("free");

    booked.book.takeOver(++booked.term, booked.now);
    booked.pass(1000);
    const [c, d] = [booked.join(), booked.join()];
    booked.hold(c, 4);
    expect(doubt(1, [c, d])).toBe("held");
    declare(400);
    expect(doubt(1, [c, d])).toBe("free");
  });

  test("is no liar if others have got from it within a minute what it alone held, however much is dropped", () => {
    const [booked, holder, a, b] = Booked.with(3, { pieceCount: 24 }) as [
      Booked,
      TestMember,
      TestMember,
      TestMember,
    ];
    const rest = Array.from({ length: 24 }, (_, piece) => piece).filter(
      (piece) => ![0, 1, 2, 3, 9, 10, 11].includes(piece),
    );
    booked.hold(holder, 0, 1, 2, 3, 4, 5);
    const doubt = (...pieces: number[]) => {
      for (const piece of pieces) {
        for (const one of [a, b]) {
          booked.send(one, { m: "where", q: 1, piece, not: holder.endpoint ? [holder.endpoint] : [] });
        }
      }
    };
    for (const one of [a, b]) booked.hold(one, ...rest);
    doubt(0, 1, 2, 3);
    booked.pass(20_000);
    for (const piece of [0, 1, 2, 3]) expect(booked.book.stateOf(piece)).toEqual({ is: "free" });
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held", holders: [holder, a, b] });
    expect(booked.granted(holder, [9])).toEqual([9]);
    booked.hold(holder, 9, 10, 11);
    booked.pass(40_000);
    doubt(9, 10, 11);
    booked.pass(20_000);
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held", holders: [a, b] });
    expect(booked.denial(holder, [0])).toBe("window");
  });

  test("is dropped on one word where nobody else could miss it", () => {
    const [booked, holder, a] = two();
    booked.hold(holder, 4);
    booked.send(a, { m: "where", q: 1, piece: 4, not: holder.endpoint ? [holder.endpoint] : [] });
    booked.pass(20_000);
    expect(booked.book.stateOf(4)).toEqual({ is: "free" });
  });

  test("is not believed any more after three drops, nor granted anything, until there is a new term", () => {
    const [booked, liar, a] = two();
    booked.hold(liar, 0, 1, 2, 3);
    booked.granted(liar, [9]);
    for (const piece of [0, 1, 2]) {
      booked.send(a, { m: "where", q: 1, piece, not: liar.endpoint ? [liar.endpoint] : [] });
    }
    booked.pass(20_000, () => booked.send(liar, { m: "renew", pieces: [9] }));
    for (const piece of [0, 1, 2, 3, 9]) expect(booked.book.stateOf(piece)).toEqual({ is: "free" });
    booked.hold(liar, 8);
    expect(booked.book.stateOf(8)).toEqual({ is: "free" });
    expect(booked.denial(liar, [7])).toBe("window");
    booked.book.takeOver(2, booked.now);
    expect(booked.book.stateOf(8)).toMatchObject({ is: "held", holders: [liar] });
    expect(booked.granted(liar, [7])).toEqual([7]);
  });

  test("and leaves is a holder no more", () => {
    const [booked, a, b] = two();
    booked.hold(a, 1, 2);
    booked.hold(b, 2);
    booked.book.left(a, booked.now);
    expect(booked.book.stateOf(1)).toEqual({ is: "free" });
    expect(booked.book.stateOf(2)).toMatchObject({ holders: [b] });
    expect(piecesOf(booked.book.taken)).toEqual([2]);
  });
});

describe("relief", () => {
  const finished = endpoint(700);
  const otherHead = peerIdFromBytes(new Uint8Array(20).fill(7));
  const all = [...Array(16).keys()];
  const relieving = { relief: 1.125, mayRelieve: (from: { port: number }) => from === finished };

  test("is granted once the AS misses nothing, to one member at a time, up to its share", () => {
    const [booked, a, b] = two(relieving);
    booked.hold(a, ...all.slice(1));
    expect(booked.denial(b, [4], { from: finished })).toBe("held");
    booked.hold(a, 0);
    const c = booked.join();
    expect(booked.granted(b, [4], { from: finished })).toEqual([4]);
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held", holders: [a], relief: b });
    expect(booked.denial(c, [4], { from: finished })).toBe("claimed");
    expect(booked.denial(c, [5], { from: endpoint(701) })).toBe("held");
    expect(booked.granted(c, [5, 6], { from: finished })).toEqual([5]);
  });

  test("is granted by the first head of the AS alone: no later one knows what is spent", () => {
    const [booked, a, b] = two(relieving);
    booked.hold(a, ...all);
    expect(booked.granted(b, [4], { from: finished })).toEqual([4]);
    booked.book.stepDown(otherHead, 2, booked.now);
    booked.book.takeOver(3, booked.now);
    booked.pass(1000);
    expect(booked.denial(b, [5], { from: finished })).toBe("held");

    const later = new Booked(relieving);
    const [c, d] = [later.join(), later.join()];
    later.book.stepDown(otherHead, 1, later.now);
    later.book.takeOver(2, later.now);
    later.pass(1000);
    later.hold(c, ...all);
    expect(later.denial(d, [4], { from: finished })).toBe("held");
  });

  test("that does not come about is not counted", () => {
    const [booked, a, b] = two({ ...relieving, relief: 1.0625 });
    booked.hold(a, ...all);
    booked.granted(b, [4], { from: finished });
    booked.send(b, { m: "release", piece: 4, why: "choked", from: finished });
    expect(booked.book.stateOf(4)).toMatchObject({ is: "held", relief: undefined });
    expect(booked.granted(b, [5], { from: finished })).toEqual([5]);
    booked.hold(b, 5);
    expect(booked.denial(b, [6], { from: finished })).toBe("held");
  });
});
