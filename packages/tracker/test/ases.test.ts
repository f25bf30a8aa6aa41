import { type Asn, defaultPolicy, LIMITS, type SwarmAs, unwrap } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AsCapacities, type AsShare } from "../src/as-capacities.ts";
import { TestTracker } from "./support.ts";

const standard = defaultPolicy({ leaderPercent: 10, deadlineMs: 5000 });
const policies = { standard, overrides: new Map() };

const as = (asn: number, up: number, isOrigin = false) => ({ asn, up, isOrigin }) as SwarmAs;

describe("the ASes of a swarm, as its members are told of them", () => {
  test("have the capacity of their members, most first", async () => {
    const tracker = new TestTracker({ policies });
    await tracker.join("a", "198.18.1.1", 1000);
    await tracker.join("b", "198.18.2.1", 500);
    const { ct } = await tracker.join("c", "198.18.2.2", 700);
    expect(ct?.ases).toEqual([as(2, 1200), as(1, 1000)]);
  });

  test("follow who comes and goes, and what they declare", async () => {
    const tracker = new TestTracker({ policies });
    await tracker.join("a", "198.18.1.1", 1000);
    await tracker.join("b", "198.18.2.1", 500);
    expect((await tracker.join("b", "198.18.2.1", 1500)).ct?.ases).toEqual([as(2, 1500), as(1, 1000)]);
    expect((await tracker.join("b", "198.18.2.1")).ct?.ases).toEqual([as(1, 1000), as(2, 0)]);
    await tracker.announce("a", { from: "198.18.1.1" });
    expect((await tracker.join("b", "198.18.2.1", 5)).ct?.ases).toEqual([as(2, 5)]);
    await tracker.join("a", "198.18.1.1", 10);
    await tracker.announce("b", { from: "198.18.2.1", event: "stopped" });
    expect((await tracker.join("a", "198.18.1.1", 10)).ct?.ases).toEqual([as(1, 10)]);
  });

  test("are marked where a peer came with the whole content, a stock client too", async () => {
    const tracker = new TestTracker({ policies });
    await tracker.join("seed", "198.18.1.1", 1000, { left: 0, downloaded: 0 });
    expect((await tracker.join("b", "198.18.2.1", 500)).ct?.ases).toEqual([as(1, 1000, true), as(2, 500)]);
    await tracker.announce("stock", { from: "198.18.2.9", left: 0, downloaded: 0 });
    expect((await tracker.join("b", "198.18.2.1", 500)).ct?.ases).toEqual([
      as(1, 1000, true),
      as(2, 500, true),
    ]);
    await tracker.announce("stock", { from: "198.18.2.9", event: "stopped", left: 0 });
    expect((await tracker.join("b", "198.18.2.1", 500)).ct?.ases?.at(1)).toEqual(as(2, 500));
  });

  test("are not marked for who completes here, or completed before the tracker's restart", async () => {
    const tracker = new TestTracker({ policies });
    await tracker.join("a", "198.18.1.1", 1000);
    await tracker.join("a", "198.18.1.1", 1000, { left: 0, event: "completed" });
    const { ct } = await tracker.join("b", "198.18.2.1", 500, { left: 0, downloaded: 1000 });
    expect(ct?.ases).toEqual([as(1, 1000), as(2, 500)]);
  });

  test("are those that are known, with members", async () => {
    const tracker = new TestTracker({ policies });
    await tracker.join("stranger", "203.0.113.5", 1000);
    await tracker.announce("stock", { from: "198.18.2.9", left: 0, downloaded: 0 });
    expect((await tracker.join("a", "198.18.1.1", 10)).ct?.ases).toEqual([as(1, 10)]);
  });

  test("come with the leaders feed, too", async () => {
    const tracker = new TestTracker({ policies, quorum: 1 });
    await tracker.join("a", "198.18.1.1", 1000);
    expect(unwrap(await tracker.leaders("a", 0)).ases).toEqual([as(1, 1000)]);
  });

  test("are told under coordinated only, and to members only", async () => {
    const plain = new TestTracker();
    expect((await plain.join("a", "198.18.1.1", 1000)).ct).not.toHaveProperty("ases");
    const tracker = new TestTracker({ policies });
    await tracker.join("a", "198.18.1.1", 1000);
    const query = await tracker.announce("stock", { from: "198.18.1.2" });
    expect(query).not.toHaveProperty("ct");
  });
});

describe("the sums behind them", () => {
  const asn = fc.integer({ min: 1, max: 100 }).map((n) => n as Asn);
  const share: fc.Arbitrary<AsShare> = fc.record(
    { asn, isOrigin: fc.boolean(), up: fc.nat(1000) },
    { requiredKeys: ["asn", "isOrigin"] },
  );

  /** What a peer of the same AS added at first. */
  const former = fc.record({ isOrigin: fc.boolean(), up: fc.nat(1000) });

  test("are those of all peers that are there", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(share, fc.boolean(), former)), (peers) => {
        const sums = new AsCapacities();
        for (const [one, , first] of peers) {
          sums.replace(undefined, { ...one, ...first });
          sums.replace({ ...one, ...first }, one);
        }
        for (const [one, leaves] of peers) if (leaves) sums.replace(one, undefined);
        const there = peers.filter(([, leaves]) => !leaves).map(([one]) => one);
        const asns = [...new Set(there.filter(({ up }) => up !== undefined).map((one) => one.asn))];
        const expected = asns.map((one) => {
          const ofAs = there.filter((peer) => peer.asn === one);
          return as(
            one,
            ofAs.reduce((sum, { up = 0 }) => sum + up, 0),
            ofAs.some(({ isOrigin }) => isOrigin),
          );
        });
        const listed = sums.list(0);
        expect(listed.map(({ up }) => up)).toEqual(
          expected
            .map(({ up }) => up)
            .toSorted((a, b) => b - a)
            .slice(0, LIMITS.tracker.asesListed),
        );
        expect(expected).toEqual(expect.arrayContaining([...listed]));
      }),
    );
  });

  test("of more ASes than are told are listed anew once a second", () => {
    const sums = new AsCapacities();
    for (let n = 1; n <= LIMITS.tracker.asesListed + 1; n++) {
      sums.replace(undefined, { asn: n as Asn, isOrigin: false, up: n });
    }
    expect(sums.list(1000)).toHaveLength(LIMITS.tracker.asesListed);
    expect(sums.list(1000).at(-1)).toEqual(as(2, 2));
    sums.replace(undefined, { asn: 1 as Asn, isOrigin: false, up: 5000 });
    expect(sums.list(1999)[0]).toEqual(as(65, 65));
    expect(sums.list(2000)[0]).toEqual(as(1, 5001));
  });
});
