import { ManualClock } from "@cachetorrent/clock";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RateMeter } from "../src/rates/rate-meter.ts";
import { TokenBucket } from "../src/rates/token-bucket.ts";

const BLOCK = 16 * 1024;

describe("a token bucket", () => {
  it("lets pass the rate, its burst and one take, over any time", () => {
    const rate = fc.integer({ min: 1000, max: 10_000_000 });
    const pauses = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(rate, pauses, (rate, pauses) => {
        const clock = new ManualClock();
        const bucket = new TokenBucket(rate, clock.now());
        const began = clock.now();
        let taken = 0;
        for (const pause of pauses) {
          clock.advance(pause);
          while (bucket.take(BLOCK, clock.now())) taken += BLOCK;
          const burst = Math.max(BLOCK, rate * 0.05);
          expect(taken).toBeLessThanOrEqual((rate * (clock.now() - began)) / 1000 + burst + BLOCK);
        }
      }),
    );
  });

  it("lets pass no less than the rate to one who always waits as long as it says", () => {
    const clock = new ManualClock();
    const bucket = new TokenBucket(100_000, clock.now());
    let taken = 0;
    while (clock.now() < 1_000_000 + 10_000) {
      if (bucket.take(BLOCK, clock.now())) taken += BLOCK;
      else clock.advance(Math.ceil(bucket.waitMs(clock.now())));
    }
    expect(taken).toBeGreaterThanOrEqual(100_000 * 10 - BLOCK);
  });

  it("has something again after the time it says", () => {
    const bucket = new TokenBucket(1000, 0);
    expect(bucket.take(50_000, 0)).toBe(true);
    expect(bucket.take(1, 0)).toBe(false);
    const wait = bucket.waitMs(0);
    expect(bucket.take(1, wait - 5)).toBe(false);
    expect(bucket.take(1, wait)).toBe(true);
  });

  it("limits nothing at an infinite rate", () => {
    const bucket = new TokenBucket(Number.POSITIVE_INFINITY, 0);
    for (let i = 0; i < 100; i++) expect(bucket.take(1e12, 0)).toBe(true);
    expect(bucket.waitMs(0)).toBe(0);
  });
});

describe("a rate meter", () => {
  const steady = (bytesPerSecond: number, seconds: number): RateMeter => {
    const meter = new RateMeter(0);
    for (let now = 100; now <= seconds * 1000; now += 100) meter.add(bytesPerSecond / 10, now);
    return meter;
  };

  it("shows a steady rate, of a young connection too", () => {
    for (const seconds of [1, 3, 10, 60]) {
      const rate = steady(1_000_000, seconds).rate(seconds * 1000);
      expect(Math.abs(rate - 1_000_000)).toBeLessThan(60_000);
    }
  });

  it("falls to nothing when nothing comes", () => {
    const meter = steady(1_000_000, 10);
    expect(meter.rate(15_000)).toBeLessThan(400_000);
    expect(meter.rate(60_000)).toBeLessThan(100);
  });

  it("shows nothing before anything came, and no infinity in its first instant", () => {
    const meter = new RateMeter(0);
    expect(meter.rate(0)).toBe(0);
    meter.add(BLOCK, 0);
    expect(meter.rate(0)).toBeLessThan(5 * BLOCK);
  });
});
