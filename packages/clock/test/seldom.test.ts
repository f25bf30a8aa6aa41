import { describe, expect, test } from "vitest";
import { ManualClock } from "../src/manual-clock.ts";
import { Seldom } from "../src/seldom.ts";

function given() {
  const clock = new ManualClock();
  const told: [kind: string, count: number, last: number][] = [];
  const seldom = new Seldom<number>(clock, (kind, { count, last }) => void told.push([kind, count, last]));
  return { clock, seldom, told };
}

describe("of each kind", () => {
  test("the first is told of at once, later ones together a minute after it", () => {
    const { clock, seldom, told } = given();
    expect([seldom.add("a", 1), seldom.add("a", 2), seldom.add("b", 3), seldom.add("a", 4)]).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(told).toEqual([
      ["a", 1, 1],
      ["b", 1, 3],
    ]);
    clock.advance(60_000);
    expect(told.slice(2)).toEqual([["a", 2, 4]]);
  });

  test("the next after a minute without one is told of at once, and nothing is kept until then", () => {
    const { clock, seldom, told } = given();
    seldom.add("a", 1);
    seldom.add("a", 2);
    clock.advance(120_000);
    expect(clock.nextInMs).toBeUndefined();
    expect(seldom.add("a", 3)).toBe(true);
    expect(told).toEqual([
      ["a", 1, 1],
      ["a", 1, 2],
      ["a", 1, 3],
    ]);
  });
});

test("once stopped it has told of all that came before, and tells of nothing more", () => {
  const { clock, seldom, told } = given();
  for (const n of [1, 2, 3]) seldom.add("a", n);
  seldom.stop();
  expect(told).toEqual([
    ["a", 1, 1],
    ["a", 2, 3],
  ]);
  expect(seldom.add("a", 4)).toBe(false);
  expect([told.length, clock.nextInMs]).toEqual([2, undefined]);
});
