import { seededRandom } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SuperSeedSwarm } from "./support/super-seed-swarm.ts";

const { revealLeast, revealMost } = LIMITS.claims;

describe("a super-seed", () => {
  it("reveals one piece to a peer that it chokes, and 4 to one that it unchokes", () => {
    const swarm = new SuperSeedSwarm(40);
    swarm.join("a");
    expect(swarm.told.get("a")?.size).toBe(1);
    swarm.unchoke("a");
    expect(swarm.told.get("a")?.size).toBe(4);
  });

  it("reveals one more than was asked for, up to 16", () => {
    const swarm = new SuperSeedSwarm(40);
    swarm.join("a");
    swarm.unchoke("a");
    for (let asked = 1; asked <= 20; asked++) {
      const next = swarm.open("a")[asked - 1];
      if (next !== undefined) swarm.ask("a", next);
      expect(swarm.open("a").length).toBe(Math.min(16, Math.max(4, asked + 1)));
    }
  });

  it("reveals the next piece as soon as one was uploaded", () => {
    const swarm = new SuperSeedSwarm(40);
    swarm.join("a");
    swarm.unchoke("a");
    const [piece = -1] = swarm.open("a");
    swarm.upload("a", piece);
    expect(swarm.open("a")).not.toContain(piece);
    expect(swarm.open("a").length).toBe(4);
  });

  it("reveals no piece to two peers while there are others", () => {
    const swarm = new SuperSeedSwarm(20);
    swarm.join("a", "b", "c", "d", "e");
    swarm.unchoke("a", "b", "c", "d", "e");
    const told = [...swarm.told.values()].flatMap((pieces) => [...pieces]);
    expect(told.length).toBe(20);
    expect(new Set(told).size).toBe(20);
  });

  it("reveals what nobody was told of before what a choked peer knows", () => {
    const swarm = new SuperSeedSwarm(8);
    swarm.join("a");
    swarm.unchoke("a");
    const before = [...(swarm.told.get("a") ?? [])];
    swarm.choke("a");
    swarm.join("b");
    swarm.unchoke("b");
    expect(swarm.open("b").filter((piece) => before.includes(piece))).toEqual([]);
  });

  it("gives what a choked peer only waits for to one that can fetch it, when all are revealed", () => {
    const swarm = new SuperSeedSwarm(5);
    swarm.join("a", "b", "c", "d", "e");
    swarm.unchoke("a");
    expect(swarm.open("a").length).toBe(4);
  });

  it("reveals nothing that the peer has announced", () => {
    const swarm = new SuperSeedSwarm(6);
    swarm.join("other", "a");
    for (const piece of [0, 1, 2, 3]) swarm.announce("a", piece);
    swarm.unchoke("a");
    expect(swarm.open("a").sort()).toEqual([4, 5]);
  });

  it("reveals nothing that the peer may not be told of", () => {
    const swarm = new SuperSeedSwarm(4);
    for (const piece of [0, 1, 2]) swarm.only.set(piece, "b");
    swarm.join("a");
    swarm.unchoke("a");
    expect(swarm.open("a")).toEqual([3]);
  });

  it.each(["left", "choked"])("gives to others what it revealed to a peer that was then %s", (how) => {
    const swarm = new SuperSeedSwarm(4);
    swarm.join("a");
    swarm.unchoke("a");
    for (const piece of swarm.open("a")) swarm.ask("a", piece);
    swarm.join("b");
    swarm.unchoke("b");
    expect(swarm.open("b")).toEqual([]);
    if (how === "left") swarm.leave("a");
    else swarm.choke("a");
    swarm.reveal("b");
    expect(swarm.open("b").length).toBe(4);
  });

  it("reveals the same pieces again to who was choked and is unchoked again, without telling it twice", () => {
    const swarm = new SuperSeedSwarm(40);
    swarm.join("a");
    swarm.unchoke("a");
    const before = new Set(swarm.told.get("a"));
    swarm.choke("a");
    swarm.unchoke("a");
    expect(new Set(swarm.open("a"))).toEqual(before);
    expect(swarm.told.get("a")).toEqual(before);
  });

  it("gives what nobody asks for to others, one at a time, when all are revealed", () => {
    const swarm = new SuperSeedSwarm(4);
    swarm.join("a");
    swarm.unchoke("a");
    swarm.join("b");
    swarm.unchoke("b");
    expect(swarm.open("b").length).toBe(1);
  });

  it("gives what was asked for and does not come out to others after 10 s", () => {
    const swarm = new SuperSeedSwarm(4);
    swarm.join("a");
    swarm.unchoke("a");
    for (const piece of swarm.open("a")) swarm.ask("a", piece);
    swarm.join("b");
    swarm.unchoke("b");
    swarm.now = 9_999;
    swarm.reveal("b");
    expect(swarm.open("b")).toEqual([]);
    swarm.now = 10_000;
    swarm.reveal("b");
    expect(swarm.open("b").length).toBe(1);
  });

  it("takes a piece that somebody announces for given", () => {
    const swarm = new SuperSeedSwarm(3);
    swarm.join("a", "b");
    swarm.announce("b", 1);
    expect(swarm.remaining).toEqual([0, 2]);
  });

  it("gives a piece once more if the only peer that has it leaves", () => {
    const swarm = new SuperSeedSwarm(3);
    swarm.join("a", "b");
    swarm.unchoke("a");
    const piece = swarm.first("a");
    swarm.upload("a", piece);
    swarm.leave("a");
    expect(swarm.remaining).toContain(piece);
    swarm.unchoke("b");
    expect(swarm.open("b")).toContain(piece);
  });

  it("does not give a piece once more if another one has announced it", () => {
    const swarm = new SuperSeedSwarm(3);
    swarm.join("a", "b");
    swarm.unchoke("a");
    const piece = swarm.first("a");
    swarm.upload("a", piece);
    swarm.announce("b", piece);
    swarm.leave("a");
    expect(swarm.remaining).not.toContain(piece);
  });

  it("is over when every piece has come out once", () => {
    const swarm = new SuperSeedSwarm(3);
    swarm.join("a", "b");
    swarm.unchoke("a");
    for (let i = 0; i < 3; i++) {
      expect(swarm.seed.isOver).toBe(false);
      swarm.upload("a", swarm.first("a"));
    }
    expect(swarm.seed.isOver).toBe(true);
    expect(swarm.reveal("b")).toEqual([]);
    swarm.leave("a");
    expect(swarm.seed.isOver).toBe(true);
  });
});

const NAMES = ["a", "b", "c", "d", "e", "f"];

/** What may happen around a seed; `pick` chooses among what the peer could do. */
const step = fc.record({
  kind: fc.constantFrom("join", "leave", "unchoke", "choke", "ask", "upload", "announce", "pass", "tick"),
  peer: fc.constantFrom(...NAMES),
  pick: fc.nat(1000),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

function take(swarm: SuperSeedSwarm, { kind, peer, pick }: Step): void {
  const isHere = swarm.told.has(peer);
  const told = [...(swarm.told.get(peer) ?? [])].filter((piece) => !swarm.seed.isOut(piece));
  const piece = told[pick % Math.max(1, told.length)];
  if (kind === "join" && !isHere) swarm.join(peer);
  else if (kind === "pass") swarm.now += pick * 20;
  else if (kind === "tick") swarm.revealAll();
  else if (!isHere) return;
  else if (kind === "leave") swarm.leave(peer);
  else if (kind === "unchoke") swarm.unchoke(peer);
  else if (kind === "choke") swarm.choke(peer);
  else if (kind === "announce") swarm.announce(peer, pick % swarm.pieceCount);
  else if (piece !== undefined && swarm.unchoked.has(peer)) {
    swarm.ask(peer, piece);
    if (kind === "upload") swarm.upload(peer, piece);
  }
}

const story = fc.record({
  pieceCount: fc.integer({ min: 1, max: 60 }),
  seed: fc.nat(),
  steps: fc.array(step, { maxLength: 150 }),
});

describe("whatever happens around a super-seed", () => {
  it("no peer has more open than its window, and only what it was told of and lacks", () => {
    fc.assert(
      fc.property(story, ({ pieceCount, seed, steps }) => {
        const swarm = new SuperSeedSwarm(pieceCount, seed);
        for (const one of steps) {
          take(swarm, one);
          for (const [peer, told] of swarm.told) {
            const window = swarm.seed.windowOf(peer);
            const open = swarm.open(peer);
            expect(open.length).toBeLessThanOrEqual(window);
            if (swarm.unchoked.has(peer)) expect(window).toBeGreaterThanOrEqual(revealLeast);
            else expect(window).toBe(1);
            expect(window).toBeLessThanOrEqual(revealMost);
            for (const piece of open) {
              expect(told.has(piece)).toBe(true);
              expect(swarm.announced.get(peer)?.has(piece)).toBe(false);
              expect(swarm.seed.isOut(piece)).toBe(false);
            }
          }
        }
      }),
    );
  });

  it("a piece open at who can fetch it is revealed to another only when nothing else is left for that one", () => {
    fc.assert(
      fc.property(story, ({ pieceCount, seed, steps }) => {
        const swarm = new SuperSeedSwarm(pieceCount, seed);
        for (const one of steps) {
          take(swarm, one);
          for (const peer of swarm.told.keys()) {
            const others = [...swarm.unchoked].filter((other) => other !== peer);
            const offered = new Set(others.flatMap((other) => swarm.open(other)));
            const before = new Set(swarm.open(peer));
            swarm.reveal(peer);
            const shared = swarm.open(peer).filter((piece) => !before.has(piece) && offered.has(piece));
            if (shared.length === 0) continue;
            const left = swarm.remaining.filter((piece) => {
              const isTheirs = swarm.announced.get(peer)?.has(piece) || swarm.seed.openAt(peer).has(piece);
              return !isTheirs && !offered.has(piece);
            });
            expect(left).toEqual([]);
            expect(swarm.open(peer).length).toBe(1);
          }
        }
      }),
    );
  });

  it("every piece comes out in the end, as long as one unchoked peer fetches what it is told of", () => {
    fc.assert(
      fc.property(story, ({ pieceCount, seed, steps }) => {
        const swarm = new SuperSeedSwarm(pieceCount, seed);
        for (const one of steps) take(swarm, one);
        // Those who are here do nothing more, and do not go away.
        swarm.join("last");
        swarm.unchoke("last");
        for (let turn = 0; turn < pieceCount && !swarm.seed.isOver; turn++) {
          swarm.now += 10_000;
          swarm.reveal("last");
          const piece = swarm.first("last");
          swarm.ask("last", piece);
          swarm.upload("last", piece);
        }
        expect(swarm.seed.isOver).toBe(true);
      }),
    );
  });

  it("with peers that fetch, come and go, and slots that move, every piece comes out, and few twice", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 20, max: 60 }), (seed, pieceCount) => {
        const random = seededRandom(seed);
        const swarm = new SuperSeedSwarm(pieceCount, seed);
        swarm.join(...NAMES);
        let uploads = 0;
        for (let round = 0; round < 200 && !swarm.seed.isOver; round++) {
          const served = NAMES.filter(() => random() < 0.5);
          for (const peer of NAMES) {
            if (served.includes(peer)) swarm.unchoke(peer);
            else swarm.choke(peer);
          }
          for (let turn = 0; turn < 5; turn++) {
            for (const peer of served) {
              // It does not know what is out elsewhere: it asks for anything it was told of and lacks.
              const told = [...(swarm.told.get(peer) ?? [])];
              const lacks = told.find((piece) => !swarm.announced.get(peer)?.has(piece));
              if (lacks === undefined) continue;
              swarm.ask(peer, lacks);
              swarm.announced.get(peer)?.add(lacks);
              swarm.upload(peer, lacks);
              uploads++;
            }
          }
          swarm.now += 10_000;
          swarm.revealAll();
        }
        expect(swarm.seed.isOver).toBe(true);
        expect(uploads).toBeLessThanOrEqual(2 * pieceCount);
      }),
    );
  });
});
