import type { Address } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Undecided } from "../src/neighbours/undecided.ts";

function full(addressOf: (n: number) => string) {
  const undecided = new Undecided<number>();
  const gone: number[] = [];
  const add = (n: number, address: string) =>
    undecided.add(n, address as Address, (other) => void gone.push(other));
  for (let n = 0; n < 200; n++) expect(add(n, addressOf(n))).toBe(true);
  expect(gone).toEqual([]);
  return { add, gone, undecided };
}

describe("of those who have not said what they want", () => {
  it("one address may have all 200, as a site behind NAT has for a moment, and none beyond", () => {
    const { add, gone, undecided } = full(() => "198.18.0.1");
    expect(add(200, "198.18.0.1")).toBe(false);
    undecided.delete(7);
    expect(add(201, "198.18.0.1")).toBe(true);
    expect(gone).toEqual([]);
  });

  it("its oldest make way for other addresses, until each of those has 20", () => {
    const { add, gone } = full(() => "198.18.0.1");
    for (let n = 200; n < 220; n++) expect(add(n, "198.18.0.2")).toBe(true);
    expect(add(220, "198.18.0.2")).toBe(false);
    expect(gone).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(add(221, "198.18.0.3")).toBe(true);
  });

  it("those of the address that has most make way, and of nobody who has 20 or fewer", () => {
    const { add, gone } = full((n) => `198.18.0.${n < 21 ? 1 : 2 + Math.floor((n - 21) / 20)}`);
    expect(add(200, "198.18.1.1")).toBe(true);
    expect(gone).toEqual([0]);
    expect(add(201, "198.18.1.1")).toBe(false);
  });

  it("all addresses of a /64 of IPv6 are one", () => {
    const { add, gone } = full((n) => (n < 25 ? `2001:db8::${n + 1}` : `2001:db8:1:${n}::1`));
    for (let n = 200; n < 205; n++) expect(add(n, "2001:db8:2::1")).toBe(true);
    expect(gone).toEqual([0, 1, 2, 3, 4]);
    expect(add(205, "2001:db8:2::2")).toBe(false);
  });

  it("there are at most 200 in all", () => {
    const { add, undecided } = full((n) => `198.18.0.${n}`);
    expect(add(200, "198.18.0.200")).toBe(false);
    expect([...undecided.sockets()]).toHaveLength(200);
  });
});
