import type { ClaimMessage } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import { FIRST_RTT_MS, HeadTrip } from "../src/claiming/head-trip.ts";
import { endpoint } from "./support/samples.ts";

const claim = (q: number): ClaimMessage => {
  return { m: "claim", q, pieces: [1], n: 1, from: endpoint("127.2.0.1:7001"), up: 1 };
};
const grant = (q: number): ClaimMessage => ({ m: "grant", q, pieces: [1], ttlMs: 10_000 });

it("the round trip to a head comes near what its answers take", () => {
  const trip = new HeadTrip();
  expect(trip.rttMs).toBe(FIRST_RTT_MS);
  for (let q = 0; q < 100; q++) {
    trip.sent(claim(q), q * 1000);
    trip.received(grant(q), q * 1000 + 300);
  }
  expect(trip.rttMs).toBeCloseTo(300, 0);
});

it("each answer is measured from its own claim, however many are open", () => {
  const trip = new HeadTrip();
  for (let q = 0; q < 100; q++) {
    trip.sent(claim(2 * q), q * 1000);
    trip.sent(claim(2 * q + 1), q * 1000 + 390);
    trip.received(grant(2 * q), q * 1000 + 400);
    trip.received(grant(2 * q + 1), q * 1000 + 790);
  }
  expect(trip.rttMs).toBeCloseTo(400, 0);
});

it("answers to nothing, and other messages, are not measured", () => {
  const trip = new HeadTrip();
  trip.received(grant(7), 60_000);
  trip.sent({ m: "renew", pieces: [1] }, 0);
  trip.received({ m: "taken", pieces: [1] }, 60_000);
  expect(trip.rttMs).toBe(FIRST_RTT_MS);
});
