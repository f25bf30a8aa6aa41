import { expect, it } from "vitest";
import { asMegabytes, asTimes, atLeast, atMost, renderGoals } from "../lib/goals.ts";

it("a goal is met at its bound, and missed beyond it", () => {
  expect(atLeast("speed", 1, 1, asTimes).isMet).toBe(true);
  expect(atLeast("speed", 0.99, 1, asTimes).isMet).toBe(false);
  expect(atMost("memory", 150e6, 150e6, asMegabytes).isMet).toBe(true);
  expect(atMost("memory", 150e6 + 1, 150e6, asMegabytes).isMet).toBe(false);
});

it("a figure that is none meets no goal", () => {
  expect(atLeast("speed", Number.NaN, 1, asTimes).isMet).toBe(false);
  expect(atMost("memory", Number.NaN, 1, asMegabytes).isMet).toBe(false);
});

it("goals stand beside what was measured, in a table that Markdown reads", () => {
  const goals = [atLeast("speed", 1.251, 1, asTimes), atMost("memory", 151.2e6, 150e6, asMegabytes)];
  expect(renderGoals(goals)).toEqual([
    "| goal   |        at | measured |        |",
    "| ------ | --------: | -------: | -----: |",
    "| speed  |  >= 1.00x |    1.25x |    met |",
    "| memory | <= 150 MB |   151 MB | MISSED |",
  ]);
});
