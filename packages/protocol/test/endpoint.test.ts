import { describe, expect, test } from "vitest";
import {
  type Address,
  type Asn,
  addressBytes,
  decodeAsns,
  decodeCompact,
  encodeAsns,
  encodeCompact,
  formatEndpoint,
  hostOf,
  isInternal,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isWildcard,
  parseAddress,
  parseAsn,
  parseEndpoint,
  sameEndpoint,
  UNKNOWN_ASN,
  unwrap,
} from "../src/index.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const endpoint = (text: string) => unwrap(parseEndpoint(text));

describe("an address", () => {
  test.each([
    ["198.18.0.1", "198.18.0.1"],
    // RFC 5952: lower case, no leading zeros, the longest run of zeros, the first of equals, never a single group
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["0:0:0:0:0:0:0:0", "::"],
    ["::1", "::1"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["1::", "1::"],
    ["64:ff9b::198.18.0.1", "64:ff9b::c612:1"],
    // IPv4-mapped
    ["::ffff:198.18.0.1", "198.18.0.1"],
    ["::FFFF:c612:1", "198.18.0.1"],
    ["0:0:0:0:0:ffff:c612:0001", "198.18.0.1"],
    ["::ffff:0:198.18.0.1", "::ffff:0:c612:1"],
  ])("%s is written %s", (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
  });

  test.each([
    "",
    "example.org",
    "1.2.3",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "fe80::1%eth0",
    ":::",
    "1::2::3",
    "[::1]",
  ])("%j is none", (text) => expect(parseAddress(text)).toBeUndefined());

  test("has 4 or 16 bytes in network order", () => {
    expect(hex(addressBytes("198.18.0.1" as Address))).toBe("c6120001");
    expect(hex(addressBytes("2001:db8::a:1" as Address))).toBe("20010db8000000000000000000" + "0a0001");
  });

  test("is of one host with all others of its /64, but of IPv4 it is one alone", () => {
    const host = (text: string) => hostOf(text as Address);
    expect(host("2001:db8::1")).toBe(host("2001:db8:0:0:ffff::9"));
    expect(host("2001:db8::1")).not.toBe(host("2001:db8:0:1::1"));
    expect(host("198.18.0.1")).not.toBe(host("198.18.0.2"));
  });

  test.each([
    [isWildcard, ["0.0.0.0", "::"], ["0.0.0.1", "::1"]],
    [isLoopback, ["127.0.0.1", "127.2.0.1", "::1"], ["128.0.0.1", "1::1", "12.7.0.1"]],
    [isLinkLocal, ["169.254.1.1", "fe80::1", "febf::1"], ["169.255.1.1", "fe8::1", "fec0::1", "fe7f::1"]],
    [
      isMulticast,
      ["224.0.0.1", "239.255.255.255", "ff02::1"],
      ["223.0.0.1", "240.0.0.1", "ff::1", "ff1::1", "fe80::1"],
    ],
  ])("%o tells it by its prefix", (is, yes, no) => {
    expect(yes.filter((text) => is(text as Address))).toEqual(yes);
    expect(no.filter((text) => is(text as Address))).toEqual([]);
  });
});

describe("an endpoint", () => {
  test.each(["198.18.0.1:6881", "[2001:db8::1]:65535"])("%s is read and written", (text) => {
    expect(formatEndpoint(endpoint(text))).toBe(text);
  });

  test("two spellings of one endpoint are the same", () => {
    expect(sameEndpoint(endpoint("[::ffff:198.18.0.1]:80"), endpoint("198.18.0.1:80"))).toBe(true);
    expect(sameEndpoint(endpoint("198.18.0.1:81"), endpoint("198.18.0.1:80"))).toBe(false);
  });

  test.each([
    "",
    "198.18.0.1",
    "198.18.0.1:",
    ":80",
    "198.18.0.1:65536",
    "198.18.0.1:-1",
    "2001:db8::1:80",
    "host:80",
  ])("%j is none", (text) =>
    expect(parseEndpoint(text)).toMatchObject({ ok: false, error: { code: "CT_ERR_ADDRESS" } }),
  );

  test("has a port above 0, unless any port will do", () => {
    expect(parseEndpoint("198.18.0.1:0").ok).toBe(false);
    expect(parseEndpoint("198.18.0.1:0", { allowPortZero: true })).toMatchObject({
      ok: true,
      value: { port: 0 },
    });
  });
});

describe("a compact list", () => {
  test("of IPv4 endpoints has 6 bytes each (BEP 23)", () => {
    const list = [endpoint("198.18.0.1:6881"), endpoint("10.0.0.255:80")];
    expect(hex(encodeCompact(list))).toBe("c61200011ae1" + "0a0000ff0050");
  });

  test("of IPv6 endpoints has 18 bytes each (BEP 7)", () => {
    expect(hex(encodeCompact([endpoint("[2001:db8::1]:6881")]))).toBe(
      "20010db8000000000000000000000001" + "1ae1",
    );
  });

  test("of nobody is empty", () => {
    expect(encodeCompact([])).toHaveLength(0);
    expect(unwrap(decodeCompact(new Uint8Array(), "IPv6"))).toEqual([]);
  });

  test("holds one family only", () => {
    expect(() => encodeCompact([endpoint("[::1]:1"), endpoint("198.18.0.1:1")])).toThrow(RangeError);
  });

  test("whose length is no multiple of an entry's is refused", () => {
    expect(decodeCompact(new Uint8Array(7), "IPv4")).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_ANSWER" },
    });
    expect(decodeCompact(new Uint8Array(6), "IPv6").ok).toBe(false);
  });

  test("knows an IPv4-mapped entry as IPv4, and keeps entries with port 0 in their places", () => {
    const bytes = Buffer.from("00000000000000000000ffffc6120001" + "0000", "hex");
    expect(unwrap(decodeCompact(bytes, "IPv6"))).toEqual([{ address: "198.18.0.1", port: 0 }]);
  });
});

describe("AS numbers", () => {
  test("travel as 4 big-endian bytes each", () => {
    expect(hex(encodeAsns([64500, 0, 0xffffffff] as Asn[]))).toBe("0000fbf4" + "00000000" + "ffffffff");
  });

  test("that are missing are unknown, those over are ignored", () => {
    const bytes = Buffer.from("0000fbf40000fbf5ff", "hex");
    expect(decodeAsns(bytes, 1)).toEqual([64500]);
    expect(decodeAsns(bytes, 4)).toEqual([64500, 64501, UNKNOWN_ASN, UNKNOWN_ASN]);
  });

  test.each([
    ["AS64500", 64500],
    ["as1", 1],
    [" 4294967295 ", 4294967295],
  ])("%j is one", (text, asn) => expect(parseAsn(text)).toBe(asn));

  test.each(["", "AS", "0", "AS0", "4294967296", "-1", "1.5", "0x10", "ASN1"])("%j is none", (text) => {
    expect(parseAsn(text)).toBeUndefined();
  });

  test("are internal to each other when both are known and the same", () => {
    expect(isInternal(1 as Asn, 1 as Asn)).toBe(true);
    expect(isInternal(1 as Asn, 2 as Asn)).toBe(false);
    expect(isInternal(UNKNOWN_ASN, UNKNOWN_ASN)).toBe(false);
  });
});
