import { seededRandom } from "@cachetorrent/clock";
import { defaultPolicy, type Policy } from "@cachetorrent/protocol";
import { Swarm } from "@cachetorrent/tracker";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { biased } from "../src/hand-out/biased.ts";
import { leaders } from "../src/hand-out/leaders.ts";
import { random } from "../src/hand-out/random.ts";
import { endpoint, id, leaderNames, OTHER_SWARM, SWARM, TestTracker } from "./support.ts";

/** A swarm with so many peers in each AS; 0 is the unknown one. */
function swarmOf(sizes: Readonly<Record<number, number>>, seed = 1): Swarm {
  const swarm = new Swarm(SWARM, seededRandom(seed));
  for (const [asn, size] of Object.entries(sizes)) {
    for (let i = 1; i <= size; i++) {
      const peerId = id(`${asn}/${i}`);
      swarm.register(
        { peerId, asn: Number(asn) as never, endpoint: endpoint(`10.${asn}.0.${i}:1`), left: 1 },
        0,
      );
    }
  }
  return swarm;
}

const asker = (name: string, asn: number, isMember = true) => ({
  peerId: id(name),
  asn: asn as never,
  isMember,
  seniors: [],
});

/** How many of those handed out are of the asker's AS, and of others. */
function shares(peers: readonly { asn: number }[], asn: number): [internal: number, external: number] {
  const internal = peers.filter((peer) => peer.asn === asn && asn !== 0).length;
  return [internal, peers.length - internal];
}

describe("hand-out biased", () => {
  test("floor(external percent x n / 100) are external, the rest internal", () => {
    const swarm = swarmOf({ 1: 100, 2: 100 });
    expect(shares(biased(10)(swarm, asker("1/1", 1), 50), 1)).toEqual([45, 5]);
    expect(shares(biased(10)(swarm, asker("1/1", 1), 19), 1)).toEqual([18, 1]);
    expect(shares(biased(10)(swarm, asker("1/1", 1), 9), 1)).toEqual([9, 0]);
    expect(shares(biased(0)(swarm, asker("1/1", 1), 50), 1)).toEqual([50, 0]);
    expect(shares(biased(100)(swarm, asker("1/1", 1), 50), 1)).toEqual([0, 50]);
  });

  test("where one side has too few, the other takes its places", () => {
    expect(shares(biased(10)(swarmOf({ 1: 11, 2: 100 }), asker("1/1", 1), 50), 1)).toEqual([10, 40]);
    expect(shares(biased(50)(swarmOf({ 1: 100, 2: 3 }), asker("1/1", 1), 50), 1)).toEqual([47, 3]);
    expect(shares(biased(50)(swarmOf({ 1: 4, 2: 3 }), asker("1/1", 1), 50), 1)).toEqual([3, 3]);
  });

  test("to a peer of unknown AS everybody is external, others of unknown AS too", () => {
    const peers = biased(10)(swarmOf({ 0: 30, 1: 30 }), asker("0/1", 0), 40);
    expect(peers).toHaveLength(40);
    expect(shares(peers, 0)).toEqual([0, 40]);
    expect(shares(biased(50)(swarmOf({ 0: 30, 1: 30 }), asker("1/1", 1), 20), 1)).toEqual([10, 10]);
  });
});

describe("hand-out under cache and multi", () => {
  const swarm = swarmOf({ 1: 30, 2: 100 });

  test("members get random peers, or a share of other ASes as configured", () => {
    expect(shares(leaders(20)(swarm, asker("1/1", 1), 20), 1)).toEqual([16, 4]);
    const [, external] = shares(leaders(undefined)(swarm, asker("1/1", 1), 50), 1);
    // 100 of 129 others are outside: 39 of 50 on average.
    expect(external).toBeGreaterThan(25);
  });

  test("stock clients get all of their own AS that there is room for, then others", () => {
    for (const policy of [leaders(undefined), leaders(20)]) {
      expect(shares(policy(swarm, asker("1/1", 1, false), 20), 1)).toEqual([20, 0]);
      expect(shares(policy(swarm, asker("1/1", 1, false), 50), 1)).toEqual([29, 21]);
    }
  });

  test("stock clients of unknown AS get random peers", () => {
    expect(leaders(undefined)(swarm, asker("x", 0, false), 50)).toHaveLength(50);
  });
});

describe("hand-out bittorrent", () => {
  test("takes peers whatever their AS, each about as often as another", () => {
    const swarm = swarmOf({ 1: 20, 2: 20 });
    const times = new Map<string, number>();
    for (let i = 0; i < 4000; i++) {
      for (const { peerId } of random(swarm, asker("1/1", 1), 10))
        times.set(peerId, (times.get(peerId) ?? 0) + 1);
    }
    expect(times.size).toBe(39);
    // 4000 x 10 / 39 = 1026 each on average; the bounds are 6 standard deviations off.
    for (const count of times.values()) expect(Math.abs(count - 1026)).toBeLessThan(170);
  });
});

test("every policy: no more than asked for, nobody twice, never the asker, never somebody who left", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(12), { minLength: 3, maxLength: 3 }),
      fc.nat(30),
      fc.nat(100),
      fc.nat(),
      fc.array(fc.nat(12)),
      (sizes, count, percent, seed, leavers) => {
        const swarm = swarmOf({ ...sizes }, seed);
        for (const n of leavers) swarm.remove(id(`2/${n}`));
        for (const [policy, isMember] of [
          [random, true],
          [biased(percent), true],
          [leaders(percent), true],
          [leaders(undefined), false],
        ] as const) {
          const peers = policy(swarm, asker("1/1", 1, isMember), count);
          expect(new Set(peers).size).toBe(peers.length);
          expect(peers.every((peer) => swarm.get(peer.peerId) === peer && peer.peerId !== id("1/1"))).toBe(
            true,
          );
          const others = swarm.size - (swarm.get(id("1/1")) ? 1 : 0);
          expect(peers.length).toBe(Math.min(count, others));
        }
      },
    ),
  );
});

describe("policies, over HTTP", () => {
  const swarmWith = async (tracker: TestTracker, infoHash = SWARM) => {
    for (let i = 1; i <= 40; i++) {
      for (const asn of [1, 2])
        await tracker.announce(`${asn}/${i}`, { infoHash, from: `198.18.${asn}.${i}` });
    }
  };
  const ask = async (tracker: TestTracker, infoHash = SWARM) => {
    const answer = await tracker.join("asker", "198.18.1.99", undefined, { numwant: 20, infoHash });
    return { shares: shares(answer.peers, 1), policy: answer.ct?.policy };
  };

  test("biased works for stock clients and members alike, and members are told its numbers", async () => {
    const standard: Policy = { name: "biased", externalPercent: 20 };
    const tracker = new TestTracker({ policies: { standard, overrides: new Map() } });
    await swarmWith(tracker);
    expect(await ask(tracker)).toEqual({ shares: [16, 4], policy: standard });
    const stock = await tracker.announce("stock", { from: "198.18.1.98", numwant: 20, compact: false });
    const internal = stock.peers.filter((peer) => peer.endpoint.address.startsWith("198.18.1."));
    expect(internal).toHaveLength(16);
  });

  test.each([
    { name: "cache", leaderPercent: 10, deadlineMs: 5000 } as const,
    { name: "cache", leaderPercent: 10, deadlineMs: 5000, externalPercent: 20 } as const,
    { name: "multi", ranges: 2, leaderPercent: 10, deadlineMs: 5000 } as const,
  ])("stock clients get their own AS first, members what is configured: %j", async (standard) => {
    const tracker = new TestTracker({ policies: { standard, overrides: new Map() } });
    await swarmWith(tracker);
    for (const numwant of [20, 60]) {
      const stock = await tracker.announce("stock", { from: "198.18.1.98", numwant, compact: false });
      const internal = stock.peers.filter((peer) => peer.endpoint.address.startsWith("198.18.1."));
      expect([stock.peers.length, internal.length]).toEqual([numwant, Math.min(numwant, 40)]);
    }
    const { shares: told, policy } = await ask(tracker);
    expect(policy).toEqual(standard);
    if ("externalPercent" in standard) expect(told).toEqual([16, 4]);
    else expect(told[1]).toBeGreaterThan(4);
  });

  test("under coordinated members get head, standby and 10 of other ASes; stock clients their own AS", async () => {
    const standard = defaultPolicy({ leaderPercent: 10, deadlineMs: 5000 });
    const tracker = new TestTracker({ policies: { standard, overrides: new Map() }, quorum: 1 });
    const { ct } = await tracker.join("first", "198.18.1.90", 1000);
    expect(leaderNames(ct)).toEqual(["first"]);
    for (let i = 1; i <= 30; i++) {
      for (const asn of [1, 2]) await tracker.join(`${asn}/${i}`, `198.18.${asn}.${i}`, i);
    }
    const toMember = await tracker.join("1/1", "198.18.1.1", 1, { numwant: 200 });
    expect(leaderNames(toMember.ct)?.slice(0, 2)).toEqual(["first", "1/1"]);
    expect(shares(toMember.peers, 1)).toEqual([21, 10]);
    const handed = await tracker.join("1/9", "198.18.1.9", 9, { numwant: 3, compact: false });
    expect(handed.peers.map(({ peerId }) => peerId)).toEqual(
      expect.arrayContaining([id("first"), id("1/1")]),
    );
    const stock = await tracker.announce("stock", { from: "198.18.1.98", compact: false });
    expect(stock.peers).toHaveLength(31);
    expect(stock.peers.every(({ endpoint: { address } }) => address.startsWith("198.18.1."))).toBe(true);
  });

  test("who announces a leader's id from elsewhere gets the list of a stock client", async () => {
    const standard: Policy = { name: "cache", leaderPercent: 10, deadlineMs: 5000 };
    const tracker = new TestTracker({ policies: { standard, overrides: new Map() } });
    await swarmWith(tracker);
    await ask(tracker);
    const answer = await tracker.announce("asker", { from: "198.18.2.77", numwant: 20, compact: false });
    expect(answer.peers.every((peer) => peer.endpoint.address.startsWith("198.18.1."))).toBe(true);
  });

  test("a swarm may have a policy of its own", async () => {
    const override: Policy = { name: "biased", externalPercent: 0 };
    const tracker = new TestTracker({
      policies: {
        standard: { name: "biased", externalPercent: 100 },
        overrides: new Map([[OTHER_SWARM, override]]),
      },
    });
    await swarmWith(tracker);
    await swarmWith(tracker, OTHER_SWARM);
    expect((await ask(tracker)).shares).toEqual([0, 20]);
    expect(await ask(tracker, OTHER_SWARM)).toEqual({ shares: [20, 0], policy: override });
  });
});
