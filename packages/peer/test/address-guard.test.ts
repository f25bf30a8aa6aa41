import type { LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import { type Address, parseAddress } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { AddressGuard, LocalAddressError } from "../src/outbound/address-guard.ts";
import { isLocalAddress } from "../src/outbound/local-address.ts";

const address = (text: string) => parseAddress(text) as Address;

test.each([
  "127.0.0.1",
  "127.255.255.255",
  "0.0.0.0",
  "10.1.2.3",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "169.254.169.254",
  "224.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "fe80::1",
  "febf::1",
  "fec0::1",
  "fc00::1",
  "fdff::1",
  "ff02::1",
  "::ffff:127.0.0.1",
  "::ffff:10.0.0.1",
  "::7f00:1",
  "64:ff9b::7f00:1",
  "64:ff9b::c0a8:101",
  "64:ff9b::1",
  "100.64.0.1",
  "100.127.255.255",
  "192.0.0.1",
  "192.0.0.255",
  "64:ff9b:1::c612:1",
  "64:ff9b:1:ffff::1",
  "2002:7f00:1::1",
  "2002:a01:203::",
  "2002:a01::",
  "2002:c0a8:101:1:2:3:4:5",
  "2002::1",
])("%s is a local address", (text) => {
  expect(isLocalAddress(address(text))).toBe(true);
});

test.each([
  "198.18.0.1",
  "198.19.255.255",
  "9.255.255.255",
  "11.0.0.0",
  "172.15.255.255",
  "172.32.0.0",
  "192.169.0.0",
  "128.0.0.1",
  "169.255.0.1",
  "223.255.255.255",
  "2001:db8::1",
  "fbff::1",
  "::ffff:198.18.0.1",
  "64:ff9b::c612:1",
  "100.63.255.255",
  "100.128.0.0",
  "192.0.1.0",
  "191.255.255.255",
  "64:ff9b:2::1",
  "2002:c612:1::1",
  "2002:c612:1:a:b:c:d:e",
  "2003:7f00:1::1",
])("%s is none", (text) => {
  expect(isLocalAddress(address(text))).toBe(false);
});

/** A name server of which each question gets the next answer. */
function names(...answers: readonly (readonly string[])[]): LookupFunction {
  let asked = 0;
  return (_host, options, callback) => {
    const found: LookupAddress[] = (answers[asked++] ?? []).map((text) => ({
      address: text,
      family: text.includes(":") ? 6 : 4,
    }));
    if (options.all) callback(null, found);
    else callback(null, found[0]?.address ?? "", found[0]?.family);
  };
}

describe("a guard", () => {
  test("lets a name through by those of its addresses that are not local", async () => {
    const guard = new AddressGuard({ lookup: names(["127.0.0.1", "198.18.0.1", "::1", "2001:db8::1"]) });
    expect(await guard.resolve("t.example", false, 0)).toEqual(["198.18.0.1", "2001:db8::1"]);
  });

  test("refuses a name that has local addresses alone", async () => {
    const guard = new AddressGuard({ lookup: names(["10.0.0.1", "fe80::1%eth0"]) });
    await expect(guard.resolve("t.example", false, 0)).rejects.toThrow("10.0.0.1 is a local address");
  });

  test("gives who asks for one address one that is not local", async () => {
    const guard = new AddressGuard({ lookup: names(["127.0.0.1", "198.18.0.1"]) });
    const found = new Promise((resolve, reject) =>
      guard.lookupFor(false)("t.example", {}, (error, text, family) =>
        error ? reject(error) : resolve([text, family]),
      ),
    );
    expect(await found).toEqual(["198.18.0.1", 4]);
  });

  test("judges what each lookup finds anew, so that a name cannot be rebound", async () => {
    const guard = new AddressGuard({ lookup: names(["198.18.0.1"], ["127.0.0.1"]) });
    await guard.resolve("t.example", false, 0);
    await expect(guard.resolve("t.example", false, 0)).rejects.toThrow(LocalAddressError);
  });

  test("lets everything through where local addresses are in place", async () => {
    const guard = new AddressGuard({ lookup: names(["127.0.0.1", "::1"]) });
    expect(await guard.resolve("t.example", true, 0)).toEqual(["127.0.0.1", "::1"]);
  });

  test("finds the addresses of one family", async () => {
    const guard = new AddressGuard({ lookup: names(["198.18.0.1", "2001:db8::1"], ["198.18.0.1"]) });
    expect(await guard.resolve("t.example", false, 6)).toEqual(["2001:db8::1"]);
    await expect(guard.resolve("t.example", false, 6)).rejects.toThrow("no address to connect to");
  });

  test.each(["127.0.0.1", "::1"])("refuses %s where it is written out", async (host) => {
    const guard = new AddressGuard();
    expect(() => guard.checkLiteral(host)).toThrow(LocalAddressError);
    await expect(guard.resolve(host, false, 0)).rejects.toThrow(LocalAddressError);
    expect(await guard.resolve(host, true, 0)).toEqual([host]);
  });

  test("asks for addresses in the order it was made with", async () => {
    const orders: unknown[] = [];
    const lookup: LookupFunction = (_host, options, callback) => {
      orders.push(options.order);
      callback(null, [{ address: "198.18.0.1", family: 4 }]);
    };
    for (const mayBeLocal of [true, false]) {
      await new AddressGuard({ lookup, order: "ipv4first" }).resolve("t.example", mayBeLocal, 0);
    }
    expect(orders).toEqual(["ipv4first", "ipv4first"]);
  });

  test("has nothing against a name that is not looked up yet", () => {
    expect(() => new AddressGuard().checkLiteral("localhost")).not.toThrow();
  });
});
