import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Address, addressBytes, addressFromBytes, unwrap } from "@cachetorrent/protocol";
import { type AsResolver, PrefixMap, PrefixTable, parsePrefix, resolverChain } from "@cachetorrent/tracker";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RouteCsv } from "../src/as-resolver/route-csv.ts";
import { loadRouteDatabase } from "../src/as-resolver/route-database.ts";
import { loadAsKnowledge } from "../src/load-config.ts";
import { mmdb } from "./mmdb-writer.ts";
import { config, ip } from "./support.ts";

const resolve = (resolver: AsResolver, address: string) => resolver.resolve(ip(address));
const prefix = (text: string) => unwrap(parsePrefix(text));

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "ct-routes-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

describe("the prefix table", () => {
  test("the longest prefix counts, in whatever order they are given", () => {
    const table = new PrefixTable();
    table.addLines(
      "# who is where\n10.0.0.0/8 64500 everybody\n10.1.2.0/24 AS64502 lab # ours\n\n10.1.0.0/16 64501\n2001:db8::/32 64503\n",
      "table",
    );
    expect(resolve(table, "10.9.9.9")).toBe(64500);
    expect(resolve(table, "10.1.9.9")).toBe(64501);
    expect(resolve(table, "10.1.2.9")).toBe(64502);
    expect(resolve(table, "2001:db8:ffff::1")).toBe(64503);
    expect(resolve(table, "11.0.0.1")).toBeUndefined();
    expect(resolve(table, "2001:db9::1")).toBeUndefined();
  });

  test.each([
    ["10.0.0.0/33 1", "table:1: the prefix length of 10.0.0.0/33 is over 32"],
    ["10.0.0.0/8 1\nlocalhost 2", "table:2: not an address block such as 198.18.0.0/15: localhost"],
    ["10.0.0.0/8", "table:1: not an AS number: missing"],
    ["10.0.0.0/8 0", "table:1: not an AS number: 0"],
    ["10.0.0.0/8 4294967296", "table:1: not an AS number: 4294967296"],
    ["127.1.0.5/16 1", "table:1: 127.1.0.5/16 is no block of addresses, 127.1.0.0/16 is"],
    ["# ours\n10.1.2.3/31 1", "table:2: 10.1.2.3/31 is no block of addresses, 10.1.2.2/31 is"],
    ["1.2.3.4/0 1", "table:1: 1.2.3.4/0 is no block of addresses, 0.0.0.0/0 is"],
    ["2001:db8::1/33 1", "table:1: 2001:db8::1/33 is no block of addresses, 2001:db8::/33 is"],
    ["10.0.0.0/8 1\n10.0.0.0/9 2\n10.0.0.0/8 2", "table:3: 10.0.0.0/8 is AS 1 by table:1, not 2"],
    ["2001:db8::/32 1\n2001:DB8:0::/32 2", "table:2: 2001:db8::/32 is AS 1 by table:1, not 2"],
  ])("%j is refused, with file and line", (text, message) => {
    expect(() => new PrefixTable().addLines(text, "table")).toThrow(
      expect.objectContaining({ code: "CT_ERR_AS_TABLE", message }),
    );
  });

  test.each([
    ["10.0.0.0/8", "as-prefix 10.0.0.0/8: not CIDR=ASN, such as 10.0.0.0/8=64501"],
    ["10.0.0.0/8=", "as-prefix 10.0.0.0/8=: not an AS number: "],
    [
      "127.1.0.0=1",
      "as-prefix 127.1.0.0=1: 127.1.0.0 lacks the length of a block, such as 127.1.0.0/24; 127.1.0.0/32 is that one address",
    ],
    [
      "2001:db8::=1",
      "as-prefix 2001:db8::=1: 2001:db8:: lacks the length of a block, such as 2001:db8::/64; 2001:db8::/128 is that one address",
    ],
    ["127.1.0.5/16=1", "as-prefix 127.1.0.5/16=1: 127.1.0.5/16 is no block of addresses, 127.1.0.0/16 is"],
    ["10.0.0.0/8=1=2", "as-prefix 10.0.0.0/8=1=2: not an address block such as 198.18.0.0/15: 10.0.0.0/8=1"],
  ])("the assignment %j is refused by name", (text, message) => {
    expect(() => new PrefixTable().addAssignment(text)).toThrow(
      expect.objectContaining({ code: "CT_ERR_AS_TABLE", message }),
    );
  });

  test("says an option and a line of the file that contradict each other", () => {
    const table = new PrefixTable();
    table.addLines("10.0.0.0/8 1\n", "table");
    expect(() => table.addAssignment("10.0.0.0/8=2")).toThrow(
      "as-prefix 10.0.0.0/8=2: 10.0.0.0/8 is AS 1 by table:1, not 2",
    );
  });

  test("takes a block that is said twice, single addresses, and one inside of another", () => {
    const table = new PrefixTable();
    table.addLines("10.0.0.0/8 1\n10.0.0.0/8 AS1 again\n10.1.2.3 2\n10.1.2.3/32 2\n10.0.0.0/16 3\n", "table");
    table.addAssignment("10.0.0.0/8=1");
    expect(table.size).toBe(3);
    expect(["10.9.9.9", "10.1.2.3", "10.0.9.9"].map((address) => resolve(table, address))).toEqual([1, 2, 3]);
  });

  test("finds what comparing bit by bit with every prefix finds", () => {
    const address = fc
      .uint8Array({ minLength: 4, maxLength: 4 })
      // Few distinct addresses, so that prefixes often hold them.
      .map((bytes) => addressFromBytes(bytes.map((byte) => byte & 0x81)));
    const block = fc.record({ address, bits: fc.nat(32) });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 20 }), address, (blocks, wanted) => {
        const map = new PrefixMap<number>();
        for (const one of blocks) map.set(one, one.bits);
        const holding = blocks.filter((one) => bits(one.address).startsWith(bits(wanted).slice(0, one.bits)));
        const matching = holding.filter((one) =>
          bits(wanted).startsWith(bits(one.address).slice(0, one.bits)),
        );
        expect(map.get(wanted)).toBe(matching.map((one) => one.bits).sort((a, b) => b - a)[0]);
      }),
    );
  });
});

function bits(address: Address): string {
  return [...addressBytes(address)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
}

describe("a route database of @ip-location-db/asn", () => {
  const shipped = dirname(createRequire(import.meta.url).resolve("@ip-location-db/asn/package.json"));

  test.each(["asn-ipv4.csv", "asn-ipv4-num.csv"])(
    "%s knows who announces well-known IPv4 addresses",
    async (name) => {
      const routes = await loadRouteDatabase(join(shipped, name));
      expect(resolve(routes, "8.8.8.8")).toBe(15169);
      expect(resolve(routes, "1.1.1.1")).toBe(13335);
      expect(resolve(routes, "1.0.0.0")).toBe(13335);
      expect(resolve(routes, "1.0.0.255")).toBe(13335);
      expect(resolve(routes, "1.0.1.0")).toBeUndefined();
      expect(resolve(routes, "10.0.0.1")).toBeUndefined();
      expect(resolve(routes, "255.255.255.255")).toBeUndefined();
      expect(resolve(routes, "2001:4860:4860::8888")).toBeUndefined();
    },
  );

  test.each(["asn-ipv6.csv", "asn-ipv6-num.csv"])(
    "%s knows who announces well-known IPv6 addresses",
    async (name) => {
      const routes = await loadRouteDatabase(join(shipped, name));
      expect(resolve(routes, "2001:4860:4860::8888")).toBe(15169);
      expect(resolve(routes, "2001:4:112::1")).toBe(112);
      expect(resolve(routes, "2001:200:1b9:ffff:ffff:ffff:ffff:ffff")).toBe(2500);
      expect(resolve(routes, "::1")).toBeUndefined();
      expect(resolve(routes, "fe80::1")).toBeUndefined();
      expect(resolve(routes, "8.8.8.8")).toBeUndefined();
    },
  );

  test("where ranges overlap, the one that begins later counts", () => {
    const routes = new RouteCsv("10.0.0.0,10.0.2.255,1,a\n10.0.2.0,10.0.3.255,2,b\n", "routes");
    expect([resolve(routes, "10.0.1.1"), resolve(routes, "10.0.2.1"), resolve(routes, "10.0.3.1")]).toEqual([
      1, 2, 2,
    ]);
  });

  test.each([
    ["10.0.0.0,10.0.0.255,1,a\nhello", "routes:2: not a line of start,end,asn,name"],
    ["10.0.0.0,::1,1,a", "routes:1: not two addresses of one family"],
    ["10.0.0.0,10.0.0.1,x,a", "routes:1: no AS number in the third column"],
    ["10.0.1.0,10.0.1.255,1,a\n10.0.0.0,10.0.0.255,1,a", "routes:2: ranges must ascend"],
    ["10.0.1.0,10.0.0.255,1,a", "routes:1: ranges must ascend"],
    ["", "routes: no routes in it"],
  ])("%j is refused, with file and line", (text, message) => {
    expect(() => new RouteCsv(text, "routes")).toThrow(
      expect.objectContaining({ code: "CT_ERR_AS_TABLE", message }),
    );
  });

  test("a file that is not there is named", async () => {
    await expect(loadRouteDatabase("/nowhere/routes.csv")).rejects.toThrow(
      /cannot read \/nowhere\/routes.csv/,
    );
  });
});

describe("a route database of MaxMind", () => {
  test("knows the AS of IPv4 and IPv6 addresses", async () => {
    const path = await file(
      "asn.mmdb",
      mmdb([
        [prefix("198.18.0.0/16"), 64500, "Example One"],
        [prefix("198.19.7.0/24"), 4_200_000_000, "Example Two"],
        [prefix("2001:db8::/32"), 64502, "Example Three"],
      ]),
    );
    const routes = await loadRouteDatabase(path);
    expect(resolve(routes, "198.18.200.1")).toBe(64500);
    expect(resolve(routes, "198.19.7.255")).toBe(4_200_000_000);
    expect(resolve(routes, "198.19.8.0")).toBeUndefined();
    expect(resolve(routes, "2001:db8:1::1")).toBe(64502);
    expect(resolve(routes, "2001:db9::")).toBeUndefined();
    expect(routes.size).toBe(3);
  });

  test("a database without AS numbers is refused by its type", async () => {
    const path = await file("city.mmdb", mmdb([[prefix("10.0.0.0/8"), 1, "x"]], "GeoLite2-City"));
    await expect(loadRouteDatabase(path)).rejects.toThrow(`${path}: a database of type GeoLite2-City`);
  });

  test("a truncated one is refused by name", async () => {
    const whole = mmdb([[prefix("10.0.0.0/8"), 1, "x"]]);
    const path = await file("broken.mmdb", whole.subarray(0, whole.length - 20));
    await expect(loadRouteDatabase(path)).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_AS_TABLE", message: expect.stringContaining(path) }),
    );
  });
});

describe("the resolvers together", () => {
  test("the first that knows counts: the operator's prefixes, then the route databases in order", async () => {
    const table = await file("table", "198.18.0.0/24 1 ours\n");
    const csv = await file("routes.csv", '198.18.0.0,198.18.255.255,2,"Two, Inc."\n');
    const database = await file("more.mmdb", mmdb([[prefix("198.18.0.0/15"), 3, "Three"]]));
    const resolver = await loadAsKnowledge(
      config({ "as-table": table, "as-prefix": ["198.18.0.128/25=4"], "route-db": [csv, database] }),
    );
    expect(resolve(resolver, "198.18.0.1")).toBe(1);
    expect(resolve(resolver, "198.18.0.200")).toBe(4);
    expect(resolve(resolver, "198.18.1.1")).toBe(2);
    expect(resolve(resolver, "198.19.1.1")).toBe(3);
    expect(resolve(resolver, "203.0.113.1")).toBeUndefined();
  });

  test("nobody knows: the AS is unknown", () => {
    expect(resolve(resolverChain([]), "8.8.8.8")).toBeUndefined();
  });
});
