import { seededRandom } from "@cachetorrent/clock";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ChokerKind } from "../src/exchange/choker.ts";
import { CoordinatedChoker, type CoordinatedContender } from "../src/exchange/coordinated-choker.ts";

interface Peer extends CoordinatedContender {
  readonly name: string;
  readonly isOutside: boolean;
}

function peer(
  name: string,
  over: Partial<Omit<Peer, "name">> & { rate?: number; servedAt?: number } = {},
): Peer {
  const { rate = 0, servedAt = Number.NEGATIVE_INFINITY, ...rest } = over;
  return {
    name,
    isInterested: true,
    snubbed: false,
    lastUnchokedAt: 0,
    givesRate: () => rate,
    lastServedAt: () => servedAt,
    speaksCtCache: true,
    isOutside: false,
    ...rest,
  };
}

const inside = (count: number, over: Parameters<typeof peer>[1] = {}) =>
  Array.from({ length: count }, (_, i) => peer(`in${i + 1}`, over));
const outside = (count: number, over: Parameters<typeof peer>[1] = {}) =>
  Array.from({ length: count }, (_, i) => peer(`out${i + 1}`, { isOutside: true, ...over }));

function choker(
  over: { seed?: number; slots?: number; members?: number; kind?: ChokerKind } = {},
): CoordinatedChoker<Peer> {
  return new CoordinatedChoker<Peer>({
    kind: over.kind ?? "tit-for-tat",
    slots: () => over.slots ?? 4,
    random: seededRandom(over.seed ?? 1),
    isOutside: (one) => one.isOutside,
    membersInAs: () => over.members ?? 10,
  });
}

const names = (chosen: Iterable<Peer>) => [...chosen].map((one) => one.name).sort();
const ofSide = (chosen: Iterable<Peer>, isOutside: boolean) =>
  [...chosen].filter((one) => one.isOutside === isOutside).length;
const FETCHING = false;
const COMPLETE = true;

describe("slots under coordinated", () => {
  it.each([FETCHING, COMPLETE])("are 4 for our AS and one for others (complete: %s)", (isComplete) => {
    const chosen = choker().choose([...inside(10), ...outside(10)], isComplete, 0);
    expect(ofSide(chosen, false)).toBe(4);
    expect(ofSide(chosen, true)).toBe(1);
  });

  it("go inside to who has waited longest, whatever they give: also to those who have nothing to give yet", () => {
    const peers = [5, 1, 4, 2, 3, 6].map((at) => peer(`in${at}`, { servedAt: at, rate: at * 100 }));
    expect(names(choker().choose(peers, FETCHING, 100))).toEqual(["in1", "in2", "in3", "in4"]);
    const fresh = peer("fresh");
    expect(names(choker().choose([...peers, fresh], FETCHING, 100))).toEqual(["fresh", "in1", "in2", "in3"]);
  });

  it("that become free between rounds go to who has waited longest, too", () => {
    const waiting = [3, 1, 2].map((at) => peer(`in${at}`, { servedAt: at, rate: at * 100 }));
    expect(names(choker().fill(waiting, inside(3), FETCHING, 100))).toEqual(["in1"]);
  });

  it("go outside to who has waited longest, whatever they give", () => {
    const waiting = [3, 1, 2].map((at) =>
      peer(`out${at}`, { servedAt: at, isOutside: true, rate: at * 100 }),
    );
    expect(names(choker().choose([...inside(4), ...waiting], FETCHING, 100))).toContain("out1");
    const fresh = peer("fresh", { isOutside: true });
    expect(names(choker().choose([...inside(4), ...waiting, fresh], FETCHING, 100))).toContain("fresh");
  });

  it("of a complete peer go to who has waited longest, on either side", () => {
    const peers = [
      ...[5, 1, 4, 2, 3, 6].map((at) => peer(`in${at}`, { servedAt: at, rate: at * 100 })),
      ...[3, 1, 2].map((at) => peer(`out${at}`, { servedAt: at, isOutside: true })),
    ];
    expect(names(choker().choose(peers, COMPLETE, 100))).toEqual(["in1", "in2", "in3", "in4", "out1"]);
  });

  it("of a complete peer go to who never had one before all others, ties at random", () => {
    const firsts = new Set<string>();
    for (let seed = 0; seed < 50; seed++) {
      const peers = [peer("old", { servedAt: 1 }), ...inside(5)];
      const chosen = names(choker({ seed, slots: 1 }).choose(peers, COMPLETE, 100));
      firsts.add(chosen[0] ?? "");
    }
    expect([...firsts].sort()).toEqual(["in1", "in2", "in3", "in4", "in5"]);
  });

  it("of a complete peer reach everybody in turn", () => {
    const one = choker({ slots: 2 });
    const servedAt = new Map<string, number>();
    let served = new Set<string>();
    const seen = new Set<string>();
    for (let round = 0; round < 4; round++) {
      const now = round * 10_000;
      const peers = inside(8).map(({ name }) =>
        peer(name, { servedAt: served.has(name) ? now : (servedAt.get(name) ?? Number.NEGATIVE_INFINITY) }),
      );
      for (const name of served) servedAt.set(name, now);
      served = new Set(
        names(one.choose([...peers, ...outside(1)], COMPLETE, now)).filter((name) => name !== "out1"),
      );
      for (const name of served) seen.add(name);
    }
    expect(seen.size).toBe(8);
  });

  it("go to nobody who is not interested", () => {
    const peers = [...inside(5, { isInterested: false }), ...outside(5, { isInterested: false })];
    expect(choker().choose(peers, COMPLETE, 0).size).toBe(0);
    expect(choker().fill(peers, [], COMPLETE, 5000)).toEqual([]);
  });
});

describe("a slot that its own side does not use", () => {
  it("is lent to outside after 1 s, and taken back at the next round", () => {
    const one = choker();
    const strangers = outside(8);
    const first = [...one.choose(strangers, COMPLETE, 0)];
    expect(first.length).toBe(1);
    const waiting = strangers.filter((other) => !first.includes(other));
    expect(one.fill(waiting, first, COMPLETE, 999)).toEqual([]);
    const lent = one.fill(waiting, first, COMPLETE, 1000);
    expect(lent.length).toBe(4);
    const served = [...first, ...lent];
    // One of ours waits for the round, in which it takes its slot back.
    expect(one.fill(inside(1), served, COMPLETE, 2000)).toEqual([]);
    const next = one.choose([...strangers, ...inside(1)], COMPLETE, 10_000);
    expect(ofSide(next, false)).toBe(1);
    expect(ofSide(next, true)).toBe(4);
    expect(ofSide(one.choose([...strangers, ...inside(9)], COMPLETE, 20_000), true)).toBe(1);
  });

  it("is lent to inside in the same way", () => {
    const one = choker();
    const ours = inside(8);
    const first = [...one.choose(ours, FETCHING, 0)];
    expect(first.length).toBe(4);
    const waiting = ours.filter((other) => !first.includes(other));
    expect(one.fill(waiting, first, FETCHING, 500)).toEqual([]);
    expect(one.fill(waiting, first, FETCHING, 1000).length).toBe(1);
  });

  it("stays lent over the rounds while its side has no taker", () => {
    const one = choker();
    one.choose(outside(8), COMPLETE, 0);
    one.fill(outside(8), [], COMPLETE, 1000);
    expect(one.choose(outside(8), COMPLETE, 10_000).size).toBe(5);
  });

  it("goes to its own side at once when that has a taker again", () => {
    const one = choker();
    const [ours] = inside(1);
    one.choose([], FETCHING, 0);
    expect(one.fill(inside(2), outside(1), FETCHING, 100).length).toBe(2);
    expect(one.fill(ours ? [ours] : [], [], FETCHING, 200).length).toBe(1);
  });
});

describe("a stock client of another AS", () => {
  const stock = outside(3, { speaksCtCache: false });

  it("gets no slot of an unfinished peer whose AS has three members", () => {
    expect(choker({ members: 3 }).choose(stock, FETCHING, 0).size).toBe(0);
    expect(choker({ members: 3 }).fill(stock, [], FETCHING, 60_000)).toEqual([]);
  });

  it("gets one where there are fewer members, or of a finished peer", () => {
    expect(choker({ members: 2 }).choose(stock, FETCHING, 0).size).toBe(1);
    expect(choker({ members: 3 }).choose(stock, COMPLETE, 0).size).toBe(1);
  });

  it("does not stand in the way of members, nor of its slot being lent", () => {
    const one = choker({ members: 3 });
    one.choose([...stock, ...inside(9)], FETCHING, 0);
    expect(ofSide(one.choose([...stock, ...inside(9)], FETCHING, 10_000), false)).toBe(5);
  });

  it("inside our AS is served as everybody else", () => {
    expect(choker({ members: 3 }).choose(inside(4, { speaksCtCache: false }), FETCHING, 0).size).toBe(4);
  });
});

it("the random choker keeps the sides, and gives to anybody on them", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    const peers = [...inside(6), peer("rich", { rate: 1e9 }), ...outside(3)];
    const chosen = choker({ kind: "random", seed }).choose(peers, FETCHING, 0);
    expect(ofSide(chosen, true)).toBe(1);
    expect(chosen.size).toBe(5);
    if (!names(chosen).includes("rich")) seen.add("without");
    for (const name of names(chosen)) seen.add(name);
  }
  expect(seen.size).toBe(11);
});

it("there are never more than 4 + 1, whatever comes and goes, and nobody waits while a slot stands free for long", () => {
  const world = fc.array(
    fc.record({
      name: fc.constantFrom(..."abcdefghijkl"),
      isOutside: fc.boolean(),
      isInterested: fc.boolean(),
      speaksCtCache: fc.boolean(),
      isRound: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(world, fc.boolean(), (steps, isComplete) => {
      const one = choker();
      const peers = new Map<string, Peer>();
      let served = new Set<Peer>();
      let now = 0;
      for (const { isRound, name, ...change } of steps) {
        now += 700;
        const before = peers.get(name);
        if (before) served.delete(before);
        peers.set(name, peer(name, change));
        const all = [...peers.values()];
        if (isRound) served = one.choose(all, isComplete, now);
        const stillWant = () => [...served].filter((other) => other.isInterested);
        const waiting = () => all.filter((other) => !served.has(other));
        for (const other of one.fill(waiting(), stillWant(), isComplete, now)) served.add(other);
        expect(stillWant().length).toBeLessThanOrEqual(5);
        // Two seconds later no slot is unused that anybody could use.
        const later = one.fill(waiting(), stillWant(), isComplete, now + 2000);
        const withLater = stillWant().length + later.length;
        const couldUse = waiting().filter(
          (other) => other.isInterested && (isComplete || other.speaksCtCache || !other.isOutside),
        );
        if (couldUse.length > later.length) expect(withLater).toBe(5);
        now += 2000;
        for (const other of later) served.add(other);
      }
    }),
  );
});

describe("a turn outside", () => {
  const LONG = { ms: 2000, pieces: 4 };
  const isOver = (served: Peer, turn: { ms: number; pieces: number }, waiting: Peer[], members = 10) =>
    choker({ members }).isTurnOver(served, turn, () => waiting, FETCHING);
  const [served] = outside(1) as [Peer];
  const next = peer("next", { isOutside: true });

  it("is over after 2 s and 4 pieces, if another one outside waits", () => {
    expect(isOver(served, LONG, [next])).toBe(true);
    expect(isOver(served, { ...LONG, ms: 1999 }, [next])).toBe(false);
    expect(isOver(served, { ...LONG, pieces: 3 }, [next])).toBe(false);
  });

  it("goes on while nobody waits that may have the slot", () => {
    expect(isOver(served, LONG, [])).toBe(false);
    expect(isOver(served, LONG, inside(3))).toBe(false);
    expect(isOver(served, LONG, [peer("content", { isOutside: true, isInterested: false })])).toBe(false);
    const stock = peer("stock", { isOutside: true, speaksCtCache: false });
    expect(isOver(served, LONG, [stock])).toBe(false);
    expect(isOver(served, LONG, [stock], 2)).toBe(true);
  });

  it("is for others: inside nobody's turn ends before the round does", () => {
    expect(isOver(peer("in"), { ms: 9000, pieces: 99 }, [...inside(3), next])).toBe(false);
  });
});
