import type { Address } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Undecided } from "../src/neighbours/undecided.ts";

describe("of those who have not said what they want", () => {
  it("there are at most 20 of one address, until one of them has", () => {
    const undecided = new Undecided<number>();
    const add = (n: number) => undecided.add(n, "198.18.0.1" as Address);
    for (let n = 0; n < 20; n++) expect(add(n)).toBe(true);
    expect(add(20)).toBe(false);
    expect(undecided.add(21, "198.18.0.2" as Address)).toBe(true);
    undecided.delete(0);
    expect(add(20)).toBe(true);
  });

  it("all addresses of a /64 of IPv6 are one host", () => {
    const undecided = new Undecided<number>();
    for (let n = 0; n < 20; n++) expect(undecided.add(n, `2001:db8::${n + 1}` as Address)).toBe(true);
    expect(undecided.add(20, "2001:db8::ffff:1" as Address)).toBe(false);
    expect(undecided.add(20, "2001:db8:0:1::1" as Address)).toBe(true);
  });

  it("there are at most 200 in all", () => {
    const undecided = new Undecided<number>();
    for (let n = 0; n < 200; n++) expect(undecided.add(n, `198.18.0.${n}` as Address)).toBe(true);
    expect(undecided.add(200, "198.18.0.200" as Address)).toBe(false);
    expect([...undecided.sockets()]).toHaveLength(200);
  });
});
