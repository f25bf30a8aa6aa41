import type { Asn } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import { hostAddress, prefixOfAs } from "../src/site-address.ts";

it("an AS has a prefix of loopback, and its hosts are in it", () => {
  expect(prefixOfAs(3 as Asn)).toBe("127.3.0.0/16");
  expect(hostAddress(3 as Asn, 1)).toBe("127.3.0.1");
  expect(hostAddress(3 as Asn, 256)).toBe("127.3.1.0");
});

it("an AS number that fits into no byte of the address is refused", () => {
  for (const asn of [0, 256, 64500]) expect(() => prefixOfAs(asn as Asn)).toThrow(`AS ${asn}`);
});
