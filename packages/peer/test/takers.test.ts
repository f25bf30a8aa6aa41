import { describe, expect, it } from "vitest";
import { Takers } from "../src/exchange/takers.ts";

describe("who is served in a second", () => {
  it("counts each once, and at once", () => {
    const takers = new Takers<string>();
    expect(takers.count).toBe(0);
    for (const taker of ["a", "b", "a", "c"]) takers.served(taker, 100);
    expect(takers.count).toBe(3);
  });

  it("counts those of the second before until there are more", () => {
    const takers = new Takers<string>();
    for (const taker of ["a", "b", "c"]) takers.served(taker, 0);
    takers.served("a", 1000);
    expect(takers.count).toBe(3);
    takers.served("a", 2000);
    expect(takers.count).toBe(1);
  });

  it("forgets those before a pause", () => {
    const takers = new Takers<string>();
    for (const taker of ["a", "b", "c"]) takers.served(taker, 0);
    takers.served("a", 2000);
    expect(takers.count).toBe(1);
  });
});
