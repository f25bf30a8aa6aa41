import { expect, test } from "vitest";
import { ManualClock, ScaledClock } from "../src/index.ts";

test("shows the time of the clock below at its origin, and from then on runs so many times as fast", () => {
  const base = new ManualClock(1_000_000);
  const clock = new ScaledClock(base, 4);
  expect(clock.now()).toBe(1_000_000);
  base.advance(250);
  expect(clock.now()).toBe(1_001_000);
});

test("two clocks of one origin agree, whenever they were made", () => {
  const base = new ManualClock(1_000_000);
  const early = new ScaledClock(base, 3, 900_000);
  base.advance(5000);
  const late = new ScaledClock(base, 3, 900_000);
  expect(late.now()).toBe(early.now());
});

test("a timer is due after its delay by this clock, and not before", () => {
  const base = new ManualClock();
  const clock = new ScaledClock(base, 10);
  const startedAt = clock.now();
  const firedAt: number[] = [];
  clock.after(5000, () => firedAt.push(clock.now() - startedAt));
  base.advance(499);
  expect(firedAt).toEqual([]);
  base.advance(1);
  expect(firedAt).toEqual([5000]);
});

test("what happens every period happens every period of this clock, until cancelled", () => {
  const base = new ManualClock();
  const clock = new ScaledClock(base, 2);
  let ticks = 0;
  const timer = clock.every(1000, () => ticks++);
  base.advance(2000);
  expect(ticks).toBe(4);
  timer.cancel();
  base.advance(2000);
  expect(ticks).toBe(4);
});

test("a scale below 1 slows time down; one of 0, or none at all, is refused", () => {
  const base = new ManualClock(0);
  const clock = new ScaledClock(base, 0.5);
  base.advance(1000);
  expect(clock.now()).toBe(500);
  for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new ScaledClock(base, scale)).toThrow(RangeError);
  }
});
