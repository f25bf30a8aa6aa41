import { expect, test } from "vitest";
import { ManualClock } from "../src/manual-clock.ts";

test("timers are called at their own times, in order, those of one time in the order they were set", () => {
  const clock = new ManualClock(1000);
  const calls: [string, number][] = [];
  const call = (name: string) => () => calls.push([name, clock.now()]);
  clock.after(30, call("late"));
  clock.after(10, call("early"));
  clock.after(10, call("early too"));
  clock.every(20, call("every"));
  clock.advance(45);
  expect(calls).toEqual([
    ["early", 1010],
    ["early too", 1010],
    ["every", 1020],
    ["late", 1030],
    ["every", 1040],
  ]);
  expect(clock.now()).toBe(1045);
});

test("what a timer sets is called in the same move, if it falls due in it", () => {
  const clock = new ManualClock();
  let calls = 0;
  clock.after(10, () => clock.after(10, () => calls++));
  clock.advance(19);
  expect(calls).toBe(0);
  clock.advance(1);
  expect(calls).toBe(1);
});

test("a cancelled timer is not called, also when another timer cancels it", () => {
  const clock = new ManualClock();
  let calls = 0;
  const cancelled = clock.every(10, () => calls++);
  clock.after(25, () => cancelled.cancel());
  clock.advance(100);
  expect(calls).toBe(2);
  expect(clock.nextInMs).toBeUndefined();
});

test("it stands still until it is moved", () => {
  const clock = new ManualClock(5);
  clock.after(7, () => undefined);
  expect(clock.now()).toBe(5);
  expect(clock.nextInMs).toBe(7);
});
