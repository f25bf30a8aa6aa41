import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AsConditions } from "./support/as-conditions.ts";
import { SimulatedAs } from "./support/simulated-as.ts";

/** Virtual time by which everybody is to be complete: generous, for what is asked is that it comes at all. */
const IN_TIME_MS = 1_200_000;

const conditions = fc.record({
  seed: fc.integer({ min: 0, max: 0x7fffffff }),
  members: fc.integer({ min: 3, max: 6 }),
  outsidePeers: fc.integer({ min: 1, max: 4 }),
  pieces: fc.integer({ min: 1, max: 40 }),
  delayMs: fc.integer({ min: 1, max: 150 }),
});

const CALM = { loss: 0, unreliableOutside: false, leavers: 0, liars: 0, breaks: 0 };

function run(given: AsConditions): SimulatedAs {
  const as = new SimulatedAs(given);
  const isDone = as.run(IN_TIME_MS);
  expect(as.witness.faults).toEqual([]);
  for (const { book } of as.members) {
    const { claims, doubts, members, parked, sources } = book.load;
    expect(claims + doubts).toBeLessThanOrEqual(2 * given.pieces);
    expect(members).toBeLessThanOrEqual(given.members);
    expect(sources).toBeLessThanOrEqual(given.outsidePeers);
    expect(as.witness.unanswered(book)).toBe(parked);
  }
  if (!isDone) {
    const missing = as.members.map(({ has, isHere }) => (isHere ? given.pieces - has.size : "gone"));
    throw new Error(`not complete: ${missing} pieces missing`);
  }
  return as;
}

type Basics = Parameters<Parameters<typeof conditions.map>[0]>[0];

function inEveryAs(numRuns: number, check: (basics: Basics) => void): void {
  fc.assert(fc.property(conditions, check), { numRuns });
}

describe("an AS of members and a head", () => {
  test("takes each piece in once when nothing goes wrong", () => {
    inEveryAs(40, (basics) => {
      const as = run({ ...basics, ...CALM });
      expect(as.crossings).toBe(basics.pieces);
      expect(as.accused).toEqual([]);
    });
  });

  test("gets everything though messages are lost and overtake each other", () => {
    inEveryAs(30, (basics) => {
      run({ ...basics, ...CALM, loss: 0.2 });
    });
  });

  test("gets everything though outside peers choke, go silent, and send bad data", () => {
    inEveryAs(30, (basics) => {
      const as = run({ ...basics, ...CALM, unreliableOutside: true });
      expect(as.accused).toEqual([]);
    });
  });

  test("gets everything though members leave", () => {
    inEveryAs(30, (basics) => {
      run({ ...basics, ...CALM, unreliableOutside: true, leavers: 3 });
    });
  });

  test("gets everything though members lie about what they hold, and hold claims that they do not use", () => {
    inEveryAs(30, (basics) => {
      run({ ...basics, ...CALM, members: basics.members + 1, liars: 1 });
    });
  });

  test("gets everything though its head dies", () => {
    inEveryAs(30, (basics) => {
      run({ ...basics, ...CALM, headDiesAt: 3000 });
    });
  });

  test("gets everything though two believe to be its head", () => {
    inEveryAs(30, (basics) => {
      const as = run({ ...basics, ...CALM, twoHeads: [2000, 9000] });
      expect(as.crossings).toBeLessThanOrEqual(2 * basics.pieces);
    });
  });

  test("gets everything though connections with the head break", () => {
    inEveryAs(30, (basics) => {
      run({ ...basics, ...CALM, breaks: 8 });
    });
  });

  test("gets everything though all of that happens at once", () => {
    inEveryAs(30, (basics) => {
      run({
        ...basics,
        members: basics.members + 3,
        loss: 0.1,
        unreliableOutside: true,
        leavers: 2,
        liars: 1,
        breaks: 3,
        headDiesAt: 12_000,
        twoHeads: [4000, 30_000],
      });
    });
  });
});
