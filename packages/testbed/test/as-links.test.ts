import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Address } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { AsLinks } from "../src/loopback/as-links.ts";

const none = Number.POSITIVE_INFINITY;
const HERE = "127.1.0.9" as Address;
const THERE = "127.2.0.9" as Address;
/** Long after the links began, so that they may get ahead. */
const NOW = 1000;
/** A link may get 50 ms ahead of its rate. */
const BURST = 50;

function links(here: { in?: number; out?: number }, there: { in?: number; out?: number }): AsLinks {
  const rates = [here, there].map((one) => ({ linkIn: one.in ?? none, linkOut: one.out ?? none }));
  return new AsLinks(rates, AsLinks.memoryFor(rates), 0);
}

test("a block waits for those that were booked before it, at the link's rate", () => {
  const out = links({ out: 10_000 }, {}).of(0);
  expect(out.book(THERE, 1000, NOW)).toBe(0);
  expect(out.book(THERE, 1000, NOW)).toBe(100 - BURST);
  expect(out.book(THERE, 1000, NOW)).toBe(200 - BURST);
  expect(out.book(THERE, 1000, NOW + 100)).toBe(200 - BURST);
});

test("what stays inside the AS passes no link", () => {
  const out = links({ in: 1, out: 1 }, {}).of(0);
  for (let i = 0; i < 10; i++) expect(out.book(HERE, 1_000_000, NOW)).toBe(0);
});

test("a block has to pass the sender's way out and the receiver's way in: the slower counts", () => {
  const out = links({ out: 10_000 }, { in: 1000 }).of(0);
  expect(out.book(THERE, 1000, NOW)).toBe(0);
  expect(out.book(THERE, 1000, NOW)).toBe(1000 - BURST);
});

test("the two directions of a link are apart", () => {
  const both = links({ out: 1000 }, { out: 1000 });
  expect(both.of(0).book(THERE, 1000, NOW)).toBe(0);
  expect(both.of(1).book(HERE, 1000, NOW)).toBe(0);
});

test("after a pause a link is no faster than before, but for 50 ms", () => {
  const out = links({ out: 10_000 }, {}).of(0);
  expect(out.book(THERE, 1000, 60_000)).toBe(0);
  expect(out.book(THERE, 1000, 60_000)).toBe(100 - BURST);
});

test("threads that share a link share its rate: no booking is lost when they book at once", async () => {
  const memory = AsLinks.memoryFor([
    { linkIn: 1_000_000, linkOut: none },
    { linkIn: none, linkOut: none },
  ]);
  const bookings = 20_000;
  const workerData = { memory, bookings, rate: 1_000_000 };
  const workers = [1, 2].map(
    () => new Worker(new URL("./support/booking-worker.ts", import.meta.url), { workerData }),
  );
  const lasts = await Promise.all(
    workers.map(async (worker) => (await once(worker, "message"))[0] as number),
  );
  // 40,000 blocks of 1 ms each, all of them booked at the same time.
  expect(Math.max(...lasts)).toBe(2 * bookings - 1 - BURST);
});
