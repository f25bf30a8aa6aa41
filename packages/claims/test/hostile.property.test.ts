import type { ClaimMessage } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Booked, type TestMember } from "./support/booked.ts";
import { Claiming } from "./support/claiming.ts";
import { endpoint } from "./support/endpoints.ts";

/** Pieces of a torrent of 16, and what is none. */
const piece = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 15 }) },
  fc.integer({ min: -5, max: 5_000_000 }),
  fc.double(),
);
const pieces = fc.array(piece, { maxLength: 40 });
const count = fc.oneof(fc.nat({ max: 20 }), fc.integer(), fc.double());
const from = fc.nat({ max: 2000 }).map(endpoint);

/** Anything that a member or a head may say, in any role, as a decoder lets it through and worse. */
const body: fc.Arbitrary<ClaimMessage> = fc.oneof(
  fc.record({ m: fc.constant("claim" as const), q: count, pieces, n: count, from, up: count }),
  fc.record({ m: fc.constant("grant" as const), q: count, pieces, ttlMs: count }),
  fc.record({
    m: fc.constant("deny" as const),
    q: count,
    why: fc.constantFrom(
      "held" as const,
      "claimed" as const,
      "not head" as const,
      "slow" as const,
      "window" as const,
    ),
    taken: fc.uint8Array({ maxLength: 12 }),
  }),
  fc.record({ m: fc.constant("taken" as const), pieces }),
  fc.record({ m: fc.constant("taken_map" as const), bits: fc.uint8Array({ maxLength: 12 }), from: count }),
  fc.record({ m: fc.constant("renew" as const), pieces }),
  fc.record({ m: fc.constant("revoke" as const), piece }),
  fc.record({
    m: fc.constant("release" as const),
    piece,
    why: fc.constantFrom("choked" as const, "stalled" as const, "bad data" as const, "leaving" as const),
    from,
  }),
  fc.record({ m: fc.constant("open" as const), pieces, ttlsMs: fc.array(count, { maxLength: 40 }) }),
  fc.record({ m: fc.constant("where" as const), q: count, piece, not: fc.array(from, { maxLength: 70 }) }),
  fc.record({
    m: fc.constant("holders" as const),
    q: count,
    piece,
    endpoints: fc.array(from, { maxLength: 20 }),
  }),
);

describe("whatever a member says", () => {
  const said = fc.record({
    who: fc.nat({ max: 2 }),
    body,
    term: count,
    passMs: fc.nat({ max: 4000 }),
    held: pieces,
  });

  test("each claim has one answer, windows are kept, and the book does not grow", () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 60 }), (sayings) => {
        const [booked, ...members] = Booked.with(3) as [Booked, ...TestMember[]];
        let answers = 0;
        for (const { who, body: message, term, passMs, held } of sayings) {
          const member = members[who] as TestMember;
          booked.send(member, message, term);
          booked.hold(member, ...held.slice(0, 2));
          const answered = booked.heard(member, "grant").length + booked.heard(member, "deny").length;
          expect(answered).toBe(message.m === "claim" ? 1 : 0);
          answers += answered;
          booked.pass(passMs);
        }
        const { asked, denied } = booked.book.accounts;
        expect(asked).toBe(answers);
        expect(denied).toBeLessThanOrEqual(asked);
        const { claims, doubts, members: known, parked, sources } = booked.book.load;
        expect([claims, doubts].every((size) => size <= 16)).toBe(true);
        expect([known, parked]).toEqual([3, 0]);
        expect(sources).toBeLessThanOrEqual(1024);
      }),
      { numRuns: 300 },
    );
  });

  test("what is free in the end can be granted to who is honest", () => {
    fc.assert(
      fc.property(fc.array(said, { maxLength: 40 }), (sayings) => {
        const [booked, liar, honest] = Booked.with(2) as [Booked, TestMember, TestMember];
        for (const { body: message, term, passMs } of sayings) {
          booked.send(liar, message, term);
          booked.pass(passMs);
        }
        booked.pass(20_000);
        expect(booked.granted(honest, [...Array(16).keys()], { n: 4, from: endpoint(3000) }).length).toBe(4);
      }),
      { numRuns: 200 },
    );
  });
});

describe("whatever a head says", () => {
  test("nothing is fetched that was not asked for, and one claim is outstanding a neighbour", () => {
    const said = fc.record({
      body,
      passMs: fc.nat({ max: 4000 }),
      isChoking: fc.boolean(),
      held: fc.nat({ max: 63 }),
    });
    fc.assert(
      fc.property(fc.array(said, { maxLength: 60 }), (sayings) => {
        const asked = new Set<number>();
        const as = new Claiming({
          granted: (_neighbour, granted) => {
            for (const one of granted) expect(asked.has(one)).toBe(true);
          },
        });
        const neighbour = as.unchoked(...Array(64).keys());
        for (const { body: message, passMs, isChoking, held } of sayings) {
          const claims = as.took("claim");
          for (const claim of claims) for (const one of claim.pieces) asked.add(one);
          expect(claims.length).toBeLessThanOrEqual(2 + passMs / 250);
          const q = claims.at(-1)?.q;
          const isAnswer = q !== undefined && (message.m === "grant" || message.m === "deny");
          as.client.received(isAnswer ? { ...message, q } : message, as.now);
          for (const claim of as.took("claim")) for (const one of claim.pieces) asked.add(one);
          if (isChoking) as.client.neighbourChoked(neighbour, as.now);
          else as.client.neighbourUnchoked(neighbour, as.now);
          as.client.held(held, as.now);
          for (const claim of as.took("claim")) for (const one of claim.pieces) asked.add(one);
          as.pass(passMs);
        }
        expect(as.client.grantsOf(neighbour).length).toBeLessThanOrEqual(32);
      }),
      { numRuns: 300 },
    );
  });
});
