import { describe, expect, test } from "vitest";
import {
  type Asn,
  type CtAnswer,
  DEFAULT_RANGES,
  decodeLeadersAnswer,
  encodeLeadersAnswer,
  LIMITS,
  parseEndpoint,
  peerIdFromBytes,
  unwrap,
} from "../src/index.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const decode = (message: string): CtAnswer =>
  unwrap(decodeLeadersAnswer(Uint8Array.from(Buffer.from(message, "latin1"))));
const policyOf = (body: string) => decode(`d6:policyd${body}e1:vi1ee`).policy;

const { leaderPercent, deadlineMs, rangesMost } = LIMITS.election;
const DAY = 86_400_000;

describe("a policy with leaders, as a member is told it", () => {
  test("has its numbers beside its name", () => {
    const policy = { name: "cache", deadlineMs: 5000, leaderPercent: 10 } as const;
    expect(text(encodeLeadersAnswer({ policy }))).toBe(
      "d6:policyd11:deadline msi5000e14:leader percenti10e4:name5:cachee1:vi1ee",
    );
  });

  test("has ranges under multi, and an external percentage where peer lists are biased", () => {
    const policy = {
      name: "multi",
      deadlineMs: 0,
      externalPercent: 0,
      leaderPercent: 100,
      ranges: 20,
    } as const;
    expect(text(encodeLeadersAnswer({ policy }))).toBe(
      "d6:policyd11:deadline msi0e16:external percenti0e14:leader percenti100e4:name5:multi6:rangesi20ee1:vi1ee",
    );
  });

  test("tells a deadline in whole milliseconds", () => {
    const policy = { name: "cache", deadlineMs: 1234.5, leaderPercent: 10 } as const;
    expect(decode(text(encodeLeadersAnswer({ policy }))).policy).toMatchObject({ deadlineMs: 1235 });
  });
});

describe("the numbers of a policy that a tracker tells", () => {
  test("have their defaults when they are left out", () => {
    expect(policyOf("4:name5:cache")).toEqual({ name: "cache", deadlineMs, leaderPercent });
    expect(policyOf("4:name5:multi")).toEqual({
      name: "multi",
      deadlineMs,
      leaderPercent,
      ranges: DEFAULT_RANGES,
    });
  });

  test.each([
    ["a leader percentage of 0", "14:leader percenti0e", { leaderPercent: 1 }],
    ["a leader percentage beyond 100", "14:leader percenti101e", { leaderPercent: 100 }],
    ["a negative leader percentage", "14:leader percenti-1e", { leaderPercent }],
    ["an external percentage beyond 100", "16:external percenti101e", { externalPercent: 100 }],
    ["a deadline beyond a day", `11:deadline msi${DAY + 1}e`, { deadlineMs: DAY }],
    ["a negative deadline", "11:deadline msi-1e", { deadlineMs }],
    ["a deadline that is no integer", "11:deadline ms4:soon", { deadlineMs }],
    ["0 ranges", "6:rangesi0e", { ranges: 1 }],
    ["too many ranges", `6:rangesi${rangesMost + 1}e`, { ranges: rangesMost }],
    ["2^53 - 1 ranges", "6:rangesi9007199254740991e", { ranges: rangesMost }],
    ["ranges that are a list", "6:rangesli2ee", { ranges: DEFAULT_RANGES }],
  ])("are brought within their bounds: %s", (_, key, expected) => {
    expect(policyOf(`${key}4:name5:multi`)).toMatchObject(expected);
  });

  test("of another policy are ignored", () => {
    const all = "11:deadline msi1e16:external percenti5e14:leader percenti1e";
    expect(policyOf(`${all}4:name10:bittorrent6:rangesi3e`)).toEqual({ name: "bittorrent" });
    expect(policyOf(`${all}4:name6:biased6:rangesi3e`)).toEqual({ name: "biased", externalPercent: 5 });
    expect(policyOf(`${all}4:name5:cache6:rangesi3e`)).not.toHaveProperty("ranges");
  });

  test("a policy without a name is one that this version does not know", () => {
    expect(policyOf("")).toEqual({ name: "unknown", said: "" });
    expect(decode("d1:vi1ee").policy).toEqual({ name: "unknown", said: "" });
  });
});

describe("the policy coordinated, as a member is told it", () => {
  const numbers = { name: "coordinated", deadlineMs, leaderPercent } as const;

  test("says who fetches, and its relief in per cent", () => {
    const policy = { ...numbers, fetchers: "leaders", relief: 1.25 } as const;
    const written = text(encodeLeadersAnswer({ policy }));
    expect(written).toContain("8:fetchers7:leaders");
    expect(written).toContain("14:relief percenti125e");
    expect(decode(written).policy).toEqual(policy);
  });

  test("has defaults for what is left out", () => {
    expect(policyOf("4:name11:coordinated")).toEqual({ ...numbers, fetchers: "all", relief: 1 });
  });

  test.each([
    ["fetchers of a later version", "8:fetchers4:some4:name11:coordinated", { fetchers: "all" }],
    ["a relief below 1", "4:name11:coordinated14:relief percenti99e", { relief: 1 }],
    ["a negative relief", "4:name11:coordinated14:relief percenti-1e", { relief: 1 }],
    ["too great a relief", "4:name11:coordinated14:relief percenti1000000e", { relief: 100 }],
  ])("is brought within bounds: %s", (_, body, expected) => {
    expect(policyOf(body)).toMatchObject(expected);
  });
});

describe("the ASes of a swarm", () => {
  const policy = { name: "coordinated", fetchers: "all", relief: 1, deadlineMs, leaderPercent } as const;
  const ases = (all: string) => decode(`d4:asesl${all}e6:policyd4:name11:coordinatede1:vi1ee`).ases;

  test("are told with their capacity, and whether the content came from there", () => {
    const told = [
      { asn: 64501 as Asn, up: 5000, isOrigin: true },
      { asn: 64502 as Asn, up: 0, isOrigin: false },
    ];
    const written = text(encodeLeadersAnswer({ policy, ases: told }));
    expect(written).toContain("4:asesld3:asni64501e6:origini1e2:upi5000eed3:asni64502e2:upi0eee");
    expect(decode(written).ases).toEqual(told);
    expect(ases("")).toEqual([]);
    expect(decode(text(encodeLeadersAnswer({ policy })))).not.toHaveProperty("ases");
  });

  test.each([
    ["without a number", "d2:upi1ee"],
    ["that is unknown", "d3:asni0e2:upi1ee"],
    ["beyond 32 bits", "d3:asni4294967296e2:upi1ee"],
    ["without a capacity", "d3:asni1ee"],
    ["with a negative capacity", "d3:asni1e2:upi-1ee"],
    ["that is no dictionary", "i1e"],
  ])("are refused with one %s", (_, one) => {
    expect(() => ases(one)).toThrow("malformed AS");
  });

  test("are no more than a tracker lists", () => {
    const most = LIMITS.tracker.asesListed;
    expect(ases("d3:asni1e2:upi1ee".repeat(most))).toHaveLength(most);
    expect(() => ases("d3:asni1e2:upi1ee".repeat(most + 1))).toThrow(`${most + 1} ASes`);
  });
});

describe("a leader's range", () => {
  const peerId = peerIdFromBytes(Buffer.from("-CT0100-0123456789ab"));
  const endpoint = unwrap(parseEndpoint("198.18.0.1:6881"));
  const leader = (range: string) =>
    `d4:downi3e2:id20:-CT0100-0123456789ab2:ip10:198.18.0.14:porti6881e${range}2:upi2ee`;
  const leaders = (all: string) =>
    decode(`d7:leadersl${all}e6:policyd4:name5:multie4:termi7e1:vi1ee`).leaders?.leaders;
  const entry = { peerId, endpoint, up: 2, down: 3 };

  test("is told with its entry; who leads several has an entry for each", () => {
    const both = [
      { ...entry, range: 0 },
      { ...entry, range: 1 },
    ];
    const policy = { name: "multi", ranges: 2, deadlineMs, leaderPercent } as const;
    const answer: CtAnswer = { policy, leaders: { term: 7, leaders: both } };
    expect(text(encodeLeadersAnswer(answer))).toContain(leader("5:rangei0e") + leader("5:rangei1e"));
    expect(leaders(leader("5:rangei0e") + leader("5:rangei1e"))).toEqual(both);
  });

  test.each([
    ["absent", ""],
    ["negative", "5:rangei-1e"],
    ["a text", "5:range1:1"],
  ])("that is %s leaves a leader without one", (_, range) => {
    expect(leaders(leader(range))).toEqual([entry]);
  });

  test("that is beyond all ranges is no leader's: it would pass for the first one", () => {
    expect(() => leaders(leader(`5:rangei${rangesMost}e`))).toThrow("malformed leader");
  });

  test("a list of them has at most four times what a tracker lists of one electorate", () => {
    const most = 4 * LIMITS.tracker.leadersListed;
    expect(leaders(leader("5:rangei0e").repeat(most))).toHaveLength(most);
    expect(() => leaders(leader("5:rangei0e").repeat(most + 1))).toThrow("leaders");
  });
});
