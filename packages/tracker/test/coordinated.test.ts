import { seededRandom } from "@cachetorrent/clock";
import type { Asn } from "@cachetorrent/protocol";
import { Swarm } from "@cachetorrent/tracker";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { coordinated } from "../src/hand-out/coordinated.ts";
import type { SwarmPeer } from "../src/swarm-peer.ts";
import { endpoint, id, SWARM } from "./support.ts";

interface Size {
  readonly members: number;
  readonly stock?: number;
}

/** A swarm with so many peers in each AS; 0 is the unknown one. Its stock clients are named `ASN/sN`. */
function swarmOf(sizes: Readonly<Record<number, Size>>, seed = 1): Swarm {
  const swarm = new Swarm(SWARM, seededRandom(seed));
  for (const [asn, { members, stock = 0 }] of Object.entries(sizes)) {
    const register = (name: string, at: string, isMember: boolean) =>
      swarm.register(
        {
          peerId: id(`${asn}/${name}`),
          asn: Number(asn) as Asn,
          endpoint: endpoint(`10.${asn}.${at}:1`),
          left: 1,
          ...(isMember ? { member: { externalBytes: 0, internalBytes: 0 } } : {}),
        },
        0,
      );
    for (let i = 1; i <= members; i++) register(`${i}`, `0.${i}`, true);
    for (let i = 1; i <= stock; i++) register(`s${i}`, `1.${i}`, false);
  }
  return swarm;
}

const member = (name: string, seniors: readonly string[] = []) => ({
  peerId: id(name),
  asn: Number.parseInt(name, 10) as Asn,
  isMember: true,
  seniors: seniors.map(id),
});
const stockClient = (name: string) => ({ ...member(name), isMember: false });

const names = (peers: readonly SwarmPeer[]) =>
  peers.map(({ peerId }) => Buffer.from(peerId, "hex").toString().replace(/\.+$/, ""));

/** How many of those handed out are of AS 1, and of others. */
function shares(peers: readonly SwarmPeer[]): [internal: number, external: number] {
  const internal = peers.filter(({ asn }) => asn === 1).length;
  return [internal, peers.length - internal];
}

describe("hand-out under coordinated, to a member", () => {
  const ask = (sizes: Readonly<Record<number, Size>>, count = 50) =>
    shares(coordinated(swarmOf(sizes), member("1/1", ["1/1", "1/2"]), count));

  test("up to 24 others of its AS are handed out whole, and 10 of other ASes", () => {
    expect(ask({ 1: { members: 25 }, 2: { members: 100 } })).toEqual([24, 10]);
    expect(ask({ 1: { members: 5, stock: 20 }, 2: { members: 100 } })).toEqual([24, 10]);
  });

  test("of a larger AS the head, the standby and 20 others are", () => {
    const swarm = swarmOf({ 1: { members: 26 }, 2: { members: 100 } });
    for (let i = 0; i < 20; i++) {
      const peers = coordinated(swarm, member("1/1", ["1/7", "1/9"]), 50);
      expect(shares(peers)).toEqual([22, 10]);
      expect(names(peers)).toEqual(expect.arrayContaining(["1/7", "1/9"]));
    }
    expect(shares(coordinated(swarm, member("1/1"), 50))).toEqual([20, 10]);
    expect(shares(coordinated(swarm, member("1/1", ["1/1", "1/9"]), 50))).toEqual([21, 10]);
  });

  test("an AS that is small leaves its places to others", () => {
    expect(ask({ 1: { members: 1 }, 2: { members: 100 } })).toEqual([0, 34]);
    expect(ask({ 1: { members: 11 }, 2: { members: 100 } })).toEqual([10, 24]);
    expect(ask({ 1: { members: 11 }, 2: { members: 3 } })).toEqual([10, 3]);
  });

  test("where there are few outside, more of its own AS take their places", () => {
    expect(ask({ 1: { members: 100 }, 2: { members: 4 } })).toEqual([27, 4]);
    expect(ask({ 1: { members: 100 } })).toEqual([31, 0]);
    expect(ask({ 1: { members: 28 } })).toEqual([27, 0]);
  });

  test.each([
    [34, [21, 10]],
    [20, [13, 6]],
    [10, [7, 3]],
    [2, [1, 1]],
    [1, [1, 0]],
    [0, [0, 0]],
  ])("a numwant of %i cuts both shares in proportion", (count, expected) => {
    expect(ask({ 1: { members: 100 }, 2: { members: 100 } }, count)).toEqual(expected);
  });

  test("head and standby are in a short list, too", () => {
    const swarm = swarmOf({ 1: { members: 100 }, 2: { members: 100 } });
    expect(names(coordinated(swarm, member("1/1", ["1/7", "1/9"]), 3))).toEqual(
      expect.arrayContaining(["1/7", "1/9"]),
    );
    expect(names(coordinated(swarm, member("1/1", ["1/7", "1/9"]), 1))).toEqual(["1/7"]);
    const alone = swarmOf({ 1: { members: 100 } });
    expect(names(coordinated(alone, member("1/1", ["1/7", "1/9"]), 2))).toEqual(["1/7", "1/9"]);
  });

  test("a head that left, or is of another AS, is in no list", () => {
    const swarm = swarmOf({ 1: { members: 100 }, 2: { members: 1 } });
    swarm.remove(id("1/7"));
    const peers = names(coordinated(swarm, member("1/1", ["1/7", "2/1"]), 1));
    expect(peers).toHaveLength(1);
    expect(["1/7", "2/1"]).not.toContain(peers[0]);
  });

  test("outside members come first, and stock clients take the places they leave", () => {
    const swarm = swarmOf({ 1: { members: 30 }, 2: { members: 4, stock: 80 }, 3: { members: 3, stock: 5 } });
    const peers = names(coordinated(swarm, member("1/1"), 50)).filter((name) => !name.startsWith("1/"));
    expect(peers).toHaveLength(10);
    expect(peers).toEqual(expect.arrayContaining(["2/1", "2/2", "2/3", "2/4", "3/1", "3/2", "3/3"]));
    const many = swarmOf({ 1: { members: 30 }, 2: { members: 40, stock: 40 } });
    expect(names(coordinated(many, member("1/1"), 50)).filter((name) => name.includes("s"))).toEqual([]);
  });

  test("those of unknown AS are outside for everybody", () => {
    expect(ask({ 0: { members: 100 }, 1: { members: 25 } })).toEqual([24, 10]);
  });

  test("of unknown AS it gets as many as it wants, at random", () => {
    const peers = coordinated(swarmOf({ 0: { members: 30 }, 1: { members: 60 } }), member("0/1"), 50);
    expect(peers).toHaveLength(50);
    expect(shares(peers)[0]).toBeGreaterThan(20);
  });
});

describe("hand-out under coordinated, to a stock client", () => {
  const ask = (sizes: Readonly<Record<number, Size>>, name = "1/s1", count = 50) =>
    shares(coordinated(swarmOf(sizes), stockClient(name), count));

  test("only its own AS is handed out", () => {
    expect(ask({ 1: { members: 10, stock: 10 }, 2: { members: 100 } })).toEqual([19, 0]);
    expect(ask({ 1: { members: 60, stock: 40 }, 2: { members: 100 } })).toEqual([50, 0]);
    expect(ask({ 1: { members: 60, stock: 40 }, 2: { members: 100 } }, "1/s1", 5)).toEqual([5, 0]);
  });

  test("whoever is alone in its AS gets peers at random", () => {
    expect(ask({ 1: { members: 0, stock: 1 }, 2: { members: 100 } })).toEqual([0, 50]);
    expect(ask({ 2: { members: 100 } }, "1/new")).toEqual([0, 50]);
  });

  test("with over 80 % of stock clients in its AS it gets peers at random", () => {
    const outside = { 2: { members: 200 } };
    expect(ask({ 1: { members: 2, stock: 8 }, ...outside })).toEqual([9, 0]);
    const [, external] = ask({ 1: { members: 2, stock: 9 }, ...outside });
    expect(external).toBeGreaterThan(25);
  });

  test("of unknown AS it gets peers at random", () => {
    expect(ask({ 0: { members: 0, stock: 5 }, 1: { members: 95 } }, "0/s1")[0]).toBeGreaterThan(25);
  });
});

test("nobody is handed out twice, nobody that left, not the asker, and no more than is wanted", () => {
  const size = fc.record({ members: fc.nat(30), stock: fc.nat(12) });
  fc.assert(
    fc.property(
      fc.array(size, { minLength: 3, maxLength: 3 }),
      fc.nat(40),
      fc.boolean(),
      fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 2 }),
      fc.array(fc.nat(30)),
      fc.nat(),
      (sizes, count, isMember, seniors, leavers, seed) => {
        const swarm = swarmOf({ ...sizes }, seed);
        for (const n of leavers) swarm.remove(id(`${1 + (n % 2)}/${n}`));
        const asker = { ...member("1/1", [...new Set(seniors.map((n) => `1/${n}`))]), isMember };
        const peers = coordinated(swarm, asker, count);
        expect(new Set(peers).size).toBe(peers.length);
        expect(peers.length).toBeLessThanOrEqual(count);
        for (const peer of peers) expect(swarm.get(peer.peerId)).toBe(peer);
        expect(peers.map(({ peerId }) => peerId)).not.toContain(id("1/1"));
        const others = swarm.size - (swarm.get(id("1/1")) ? 1 : 0);
        // Of a large AS some places stay empty: 20 besides head and standby, not 24.
        if (isMember)
          expect(peers.length).toBeGreaterThanOrEqual(Math.min(others, Math.floor(count * 0.85), 30));
      },
    ),
    { numRuns: 300 },
  );
});
