import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SuperSeedSwarm } from "./support/super-seed-swarm.ts";

describe("a super-seed, of a peer that falls silent,", () => {
  function given() {
    const swarm = new SuperSeedSwarm(40);
    swarm.join("cut", "other");
    swarm.unchoke("cut", "other");
    return swarm;
  }

  it("reveals nothing to it, and what was open there to others", () => {
    const swarm = given();
    const open = swarm.open("cut");
    expect(open).toHaveLength(4);
    swarm.fallSilent("cut");
    expect(swarm.open("cut")).toEqual([]);
    while (swarm.remaining.length > 0) swarm.upload("other", swarm.first("other"));
    for (const piece of open) expect(swarm.told.get("other")).toContain(piece);
  });

  it("gives once more what only that one has, uploaded to it or announced by it", () => {
    const swarm = given();
    const piece = swarm.first("cut");
    swarm.upload("cut", piece);
    swarm.announce("cut", 39);
    expect(swarm.remaining).not.toContain(39);
    swarm.fallSilent("cut");
    expect(swarm.remaining).toEqual(expect.arrayContaining([piece, 39]));
  });

  it("does not give once more what another one has announced", () => {
    const swarm = given();
    swarm.announce("cut", 39);
    swarm.announce("other", 39);
    swarm.fallSilent("cut");
    expect(swarm.remaining).not.toContain(39);
    // Now nobody is left that can pass it on.
    swarm.fallSilent("other");
    expect(swarm.remaining).toContain(39);
  });

  it("takes what it has for given when it speaks again", () => {
    const swarm = given();
    const piece = swarm.first("cut");
    swarm.upload("cut", piece);
    swarm.announce("cut", 39);
    swarm.fallSilent("cut");
    swarm.speakAgain("cut");
    expect(swarm.remaining).not.toContain(piece);
    expect(swarm.remaining).not.toContain(39);
    expect(swarm.open("cut")).toHaveLength(4);
  });

  it("gives every piece to those that speak, whoever else is silent and speaks again", () => {
    const events = fc.array(
      fc.tuple(
        fc.constantFrom("a", "b", "c"),
        fc.constantFrom("silent", "speaks", "gets", "tells"),
        fc.nat(19),
      ),
      { maxLength: 80 },
    );
    fc.assert(
      fc.property(events, fc.integer(), (story, seed) => {
        const swarm = new SuperSeedSwarm(20, seed);
        swarm.join("a", "b", "c", "steady");
        swarm.unchoke("a", "b", "c", "steady");
        const silent = new Set<string>();
        for (const [peer, what, piece] of story) {
          if (what === "silent") {
            swarm.fallSilent(peer);
            silent.add(peer);
          } else if (what === "speaks") {
            swarm.speakAgain(peer);
            silent.delete(peer);
          } else if (silent.has(peer)) continue;
          else if (what === "tells") swarm.announce(peer, piece);
          else if (swarm.open(peer)[0] !== undefined) swarm.upload(peer, swarm.first(peer));
        }
        for (const peer of ["a", "b", "c"]) swarm.fallSilent(peer);
        for (let i = 0; i < 40 && swarm.remaining.length > 0; i++) {
          swarm.now += 20_000;
          if (swarm.reveal("steady").length === 0 && swarm.open("steady").length === 0) break;
          swarm.upload("steady", swarm.first("steady"));
        }
        expect(swarm.remaining).toEqual([]);
      }),
    );
  });
});
