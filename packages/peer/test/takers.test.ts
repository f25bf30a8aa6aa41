import { describe, expect, it } from "vitest";
import { Takers } from "../src/exchange/takers.ts";

describe("who is served in a second", () => {
  it("counts each once, and at once", () => {
    const takers = new Takers<string>();
    expect(takers.count(0)).toBe(0);
    for (const taker of ["a", "b", "a", "c"]) takers.served(taker, 100);
    expect(takers.count(999)).toBe(3);
  });

  it("counts those of the second before until there are more", () => {
    const takers = new Takers<string>();
    for (const taker of ["a", "b", "c"]) takers.served(taker, 0);
    takers.served("a", 1000);
    expect(takers.count(1999)).toBe(3);
    for (const taker of ["b", "c", "d"]) takers.served(taker, 1999);
    expect(takers.count(1999)).toBe(4);
  });

  it("forgets those before that, served anybody since or not", () => {
    const takers = new Takers<string>();
    for (const taker of ["a", "b", "c"]) takers.served(taker, 0);
    takers.served("a", 1000);
    expect(takers.count(2000)).toBe(1);
    expect(takers.count(4000)).toBe(0);
  });

  it("counts who is gone no more, but of the second before", () => {
    const takers = new Takers<string>();
    for (const taker of ["a", "b"]) takers.served(taker, 0);
    takers.left("a");
    expect(takers.count(0)).toBe(1);
    expect(takers.count(1000)).toBe(1);
    takers.left("b");
    expect(takers.count(1000)).toBe(1);
  });
});
