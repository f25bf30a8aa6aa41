import type { CtAnswer, LeaderEntry, Policy } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Standing } from "../src/roles/standing.ts";
import { CACHE } from "./support/meeting-point.ts";
import { asn, endpoint, otherPeerId, peerId } from "./support/samples.ts";

const PIECES = 11;
const MULTI: Policy = { name: "multi", leaderPercent: 10, deadlineMs: 5000, ranges: 3 };

function entry(over: Partial<LeaderEntry> = {}): LeaderEntry {
  return { peerId: otherPeerId, endpoint: endpoint("127.1.0.5:6881"), up: 1, down: 1, ...over };
}

function standing(ct: Partial<CtAnswer>, hasWaited = false): Standing {
  return new Standing({ asn: asn(1), policy: CACHE, ...ct }, peerId, PIECES, hasWaited);
}

const led = (...leaders: LeaderEntry[]) => ({ leaders: { term: 7, leaders } });

describe("what a peer is by its tracker's word", () => {
  it.each([
    ["pending before the first leaders", standing({}), "pending"],
    ["independent when they did not come", standing({}, true), "independent"],
    ["a follower of others", standing(led(entry())), "follower"],
    ["a follower although it has waited", standing(led(entry()), true), "follower"],
    ["a leader among others", standing(led(entry(), entry({ peerId }))), "leader"],
    ["a leader when everybody is", standing(led(entry({ peerId }))), "leader"],
    [
      "independent under a policy without duties",
      standing({ ...led(entry({ peerId })), policy: { name: "bittorrent" } }),
      "independent",
    ],
    [
      "independent under a policy that it does not know",
      standing({ ...led(entry()), policy: { name: "unknown", said: "later" } }),
      "independent",
    ],
  ])("%s", (_, { role }, expected) => {
    expect(role).toBe(expected);
  });

  it("independent in an unknown AS", () => {
    const ct: CtAnswer = { policy: CACHE, ...led(entry()) };
    expect(new Standing(ct, peerId, PIECES, false).role).toBe("independent");
  });

  it("pending when the only leaders lead ranges that there are not", () => {
    expect(standing({ policy: MULTI, ...led(entry({ range: 3 })) }).role).toBe("pending");
  });
});

describe("what a leader leads", () => {
  it("is every piece under cache", () => {
    const one = standing(led(entry({ peerId })));
    expect([0, 5, 10].map((piece) => one.leads(piece))).toEqual([true, true, true]);
  });

  it("is its ranges under multi, and the last range takes what remains", () => {
    const one = standing({
      policy: MULTI,
      ...led(entry({ range: 1 }), entry({ peerId, range: 0 }), entry({ peerId, range: 2 })),
    });
    const pieces = Array.from({ length: PIECES }, (_, piece) => piece);
    expect(pieces.filter((piece) => one.leads(piece))).toEqual([0, 1, 2, 6, 7, 8, 9, 10]);
    expect([...one.own]).toEqual([0, 2]);
  });

  it("is nothing for a follower", () => {
    expect(standing(led(entry())).leads(0)).toBe(false);
  });
});

describe("two words of the tracker are the same", () => {
  const one = standing({ policy: MULTI, ...led(entry({ range: 0 }), entry({ peerId, range: 1 })) });

  it("in whatever order the leaders come, and whatever their capacity", () => {
    const other = standing({
      policy: MULTI,
      ...led(entry({ peerId, range: 1, up: 9 }), entry({ range: 0 })),
    });
    expect(one.equals(other)).toBe(true);
  });

  it.each([
    ["before there was any", undefined],
    [
      "in another range",
      standing({ policy: MULTI, ...led(entry({ range: 2 }), entry({ peerId, range: 1 })) }),
    ],
    [
      "at another endpoint",
      standing({
        policy: MULTI,
        ...led(entry({ range: 0, endpoint: endpoint("127.1.0.6:6881") }), entry({ peerId, range: 1 })),
      }),
    ],
    [
      "with another number of ranges",
      standing({ policy: { ...MULTI, ranges: 4 }, ...led(entry({ range: 0 }), entry({ peerId, range: 1 })) }),
    ],
    [
      "in another AS",
      standing({ asn: asn(2), policy: MULTI, ...led(entry({ range: 0 }), entry({ peerId, range: 1 })) }),
    ],
  ])("but not %s", (_, other) => {
    expect(one.equals(other)).toBe(false);
  });
});
