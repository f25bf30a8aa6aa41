import { describe, expect, it } from "vitest";
import { Rc4 } from "../src/encryption/rc4.ts";

const hex = (text: string) => Buffer.from(text, "hex");

describe("RC4 without its first 1024 bytes", () => {
  // The first is RFC 6229's; both as OpenSSL's legacy provider has them.
  it.each([
    ["0102030405060708090a0b0c0d0e0f10", "bdf0324e6083dcc6d3cedd3ca8c53c16"],
    ["0102030405060708090a0b0c0d0e0f101112131415161718", "93610d523d1d3f0062b3c2a3bbc7c7f0"],
  ])("gives the key stream of %s", (key, stream) => {
    expect(new Rc4(hex(key)).apply(Buffer.alloc(16)).toString("hex")).toBe(stream);
  });

  it("goes on where it was, and leaves alone what it copies from", () => {
    const whole = new Rc4(hex("0102030405")).apply(Buffer.alloc(40));
    const inParts = new Rc4(hex("0102030405"));
    const from = Buffer.alloc(40);
    const to = Buffer.alloc(40);
    for (const [start, end] of [
      [0, 1],
      [1, 1],
      [1, 17],
      [17, 40],
    ] as const) {
      inParts.copy(from.subarray(start, end), to.subarray(start, end));
    }
    expect(to).toEqual(whole);
    expect(from).toEqual(Buffer.alloc(40));
  });
});
