import { describe, expect, it } from "vitest";
import { median, medianRatio, spread } from "../lib/figures.ts";

describe("the median", () => {
  it("is the middle one, or the mean of the two in the middle, whatever the order", () => {
    expect(median([3])).toBe(3);
    expect(median([10, 1, 2])).toBe(2);
    expect(median([10, 1, 2, 4])).toBe(3);
  });

  it("of nothing is an error", () => {
    expect(() => median([])).toThrow(RangeError);
  });
});

describe("the median of ratios", () => {
  it("compares in each round with whoever was best in it", () => {
    const rounds = [
      { ours: 300, others: [200, 100] }, // 1.5
      { ours: 100, others: [100, 200] }, // 0.5
      { ours: 240, others: [200, 150] }, // 1.2
    ];
    expect(medianRatio(rounds, "highest")).toBeCloseTo(1.2);
    expect(medianRatio(rounds, "lowest")).toBeCloseTo(1.6);
  });

  it("leaves out rounds in which there is nothing to compare, and is none without any", () => {
    const half = [
      { ours: undefined, others: [1] },
      { ours: 3, others: [] },
    ];
    expect(medianRatio([...half, { ours: 4, others: [2] }], "highest")).toBe(2);
    expect(medianRatio(half, "highest")).toBeUndefined();
  });
});

describe("a spread", () => {
  it("is the median with least and most, or one figure where they look the same", () => {
    expect(spread([411.6, 398.2, 431.4], 0)).toBe("412 (398–431)");
    expect(spread([2.001, 2.004], 2)).toBe("2.00");
  });
});
