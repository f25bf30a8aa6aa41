import { expect, test } from "vitest";
import { borderLine, borderLines, borderSeries } from "../../src/compose/border-series.ts";

const line = (t: number, into: number, out: number) => JSON.stringify({ t, in: into, out });

test("a border's lines are read, half a line is left out", () => {
  expect(borderLines(`${line(1, 2, 3)}\n${line(2, 3, 4)}\n{"t": 3, "in`)).toEqual([
    { t: 1, in: 2, out: 3 },
    { t: 2, in: 3, out: 4 },
  ]);
  expect(borderLine('{"t": 3, "in": "many", "out": 1}')).toBeUndefined();
  expect(borderLine("null")).toBeUndefined();
});

test("borders that count at different moments are told at the same times, and end at what they last said", () => {
  const first = borderLines([line(9_500, 100, 10), line(10_600, 300, 30), line(13_000, 900, 90)].join("\n"));
  const second = borderLines([line(11_100, 7, 8)].join("\n"));
  expect(borderSeries([first, second, []], { startAt: 10_000, endAt: 12_500, stepMs: 1000 })).toEqual({
    atMs: [0, 1000, 2000, 2500],
    inByAs: [
      [100, 300, 300, 900],
      [0, 0, 7, 7],
      [0, 0, 0, 0],
    ],
    outByAs: [
      [10, 30, 30, 90],
      [0, 0, 8, 8],
      [0, 0, 0, 0],
    ],
  });
});
