import { seededRandom } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Choker, type ChokerKind, type Contender } from "../src/exchange/choker.ts";

interface Peer extends Contender {
  readonly name: string;
}

/** Peers called by letter who give 100, 200, 300 ... bytes/s. */
function peers(count: number, change: Partial<Contender> = {}): Peer[] {
  return Array.from({ length: count }, (_, i) => ({
    name: String.fromCharCode(97 + i),
    isInterested: true,
    snubbed: false,
    lastUnchokedAt: 0,
    givesRate: () => (i + 1) * 100,
    ...change,
  }));
}

function choker(kind: ChokerKind, slots = 2, seed = 1): Choker<Peer> {
  return new Choker<Peer>({ kind, slots: () => slots, random: seededRandom(seed) });
}

const names = (chosen: Iterable<Peer>) => [...chosen].map((peer) => peer.name);
const DOWNLOADING = false;
const SEEDING = true;

describe("tit for tat", () => {
  it("chooses those who give most, and one more at random", () => {
    const contenders = peers(6);
    const optimists = new Set<string>();
    for (let seed = 0; seed < 100; seed++) {
      const chosen = names(choker("tit-for-tat", 2, seed).choose(contenders, DOWNLOADING, 0));
      expect(chosen.slice(0, 2).sort()).toEqual(["e", "f"]);
      expect(chosen.length).toBe(3);
      optimists.add(chosen[2] ?? "");
    }
    expect([...optimists].sort()).toEqual(["a", "b", "c", "d"]);
  });

  it("keeps the random one for 30 s, then moves on", () => {
    const contenders = peers(12);
    const one = choker("tit-for-tat");
    const optimist = (now: number) => names(one.choose(contenders, DOWNLOADING, now))[2];
    const first = optimist(0);
    for (let now = 0; now < LIMITS.peer.optimisticMs; now += 10_000) expect(optimist(now)).toBe(first);
    const later = new Set<string | undefined>();
    for (let round = 1; round <= 20; round++) later.add(optimist(round * LIMITS.peer.optimisticMs));
    expect(later.size).toBeGreaterThan(3);
  });

  it("picks another random one when it has earned a slot, lost interest or left", () => {
    const one = choker("tit-for-tat", 1);
    const contenders = peers(4);
    const [, first] = [...one.choose(contenders, DOWNLOADING, 0)];
    if (!first) throw new Error("nobody was chosen at random");
    const without = contenders.filter((peer) => peer !== first);
    const chosen = names(one.choose(without, DOWNLOADING, 1));
    expect(chosen).not.toContain(first.name);
    expect(chosen.length).toBe(2);
  });

  it("ranks one that lets our requests lie behind all others", () => {
    const contenders = peers(4);
    contenders[3] = { ...(contenders[3] as Peer), snubbed: true };
    const chosen = names(choker("tit-for-tat", 3).choose(contenders, DOWNLOADING, 0));
    expect(chosen.slice(0, 3).sort()).toEqual(["a", "b", "c"]);
  });

  it("never chooses who is not interested", () => {
    const contenders = [...peers(3, { isInterested: false }), ...peers(1)];
    expect(choker("tit-for-tat").choose(contenders, DOWNLOADING, 0).size).toBe(1);
  });

  it("chooses nobody when nobody is there, and the next one who comes at once", () => {
    const one = choker("tit-for-tat", 0);
    expect(one.choose([], DOWNLOADING, 0).size).toBe(0);
    expect(one.choose(peers(1), DOWNLOADING, 1).size).toBe(1);
  });
});

describe("a seed", () => {
  it("goes round: whoever waited longest is next, whatever it gives", () => {
    const contenders = peers(6).map((peer, i) => ({ ...peer, lastUnchokedAt: 60 - i * 10 }));
    const chosen = names(choker("tit-for-tat", 2).choose(contenders, SEEDING, 100));
    expect(chosen.slice(0, 2).sort()).toEqual(["e", "f"]);
  });

  it("breaks ties at random", () => {
    const firsts = new Set<string | undefined>();
    for (let seed = 0; seed < 60; seed++) {
      firsts.add(names(choker("tit-for-tat", 1, seed).choose(peers(5), SEEDING, 0))[0]);
    }
    expect(firsts.size).toBe(5);
  });
});

describe("the random choker", () => {
  it("fills all slots with anybody interested, whatever they give", () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 300; seed++) {
      const chosen = choker("random", 2, seed).choose(peers(6), DOWNLOADING, 0);
      expect(chosen.size).toBe(3);
      for (const name of names(chosen)) seen.set(name, (seen.get(name) ?? 0) + 1);
    }
    for (const times of seen.values()) expect(Math.abs(times - 150)).toBeLessThan(50);
    expect(seen.size).toBe(6);
  });
});

describe("between rounds", () => {
  it("empty slots are filled, and no more than those", () => {
    expect(choker("tit-for-tat", 4).fill(peers(10), peers(3)).length).toBe(2);
    expect(choker("tit-for-tat", 4).fill(peers(1), peers(3)).length).toBe(1);
    expect(choker("tit-for-tat", 4).fill(peers(10), peers(5))).toEqual([]);
    expect(choker("tit-for-tat", 4).fill(peers(10), peers(9))).toEqual([]);
    expect(choker("tit-for-tat", 4).fill(peers(10, { isInterested: false }), peers(0))).toEqual([]);
  });
});
