import type { Address } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { cellsOf } from "../src/scenario/cells.ts";
import type { Scenario } from "../src/scenario/scenario.ts";
import { asIndexOf, planTopology, presentAfterArrivals } from "../src/topology.ts";
import { scenario } from "./support/scenarios.ts";

function peersOf(read: Scenario, repetition = 1) {
  const [variant] = read.variants;
  if (!variant) throw new Error("no variant");
  return planTopology(read, { variant, repetition }).peers;
}

test("each peer has a loopback address of its own, in the prefix of its AS", () => {
  const read = scenario({ ases: "[{ count: 2, peers: 300, up: 1MB/s }]" });
  const peers = peersOf(read);
  expect(new Set(peers.map((peer) => peer.address)).size).toBe(601);
  for (const { address, asn } of peers) expect(read.ases[asIndexOf(address)]?.asn).toBe(asn);
  expect(peers.at(-1)?.address).toBe("127.2.1.44");
  expect(asIndexOf("127.250.3.4" as Address)).toBe(249);
});

test("initial seeds come first, with a rate of their own, and are neither late nor slow nor leave", () => {
  const peers = peersOf(
    scenario({
      seeds: "{ count: 2, up: 7MB/s }",
      arrivals: "{ late: 100%, late-by: 9s }",
      departures: "{ share: 100%, when: complete }",
      slow: "{ share: 100%, factor: 0.5 }",
    }),
  );
  expect(peers.map((peer) => peer.isInitialSeed)).toEqual([true, true, false, false, false]);
  for (const seed of peers.slice(0, 2))
    expect(seed).toMatchObject({ up: 7_000_000, joinsAtMs: 0, leaves: "never" });
  for (const peer of peers.slice(2)) expect(peer).toMatchObject({ up: 50_000, leaves: "complete" });
});

test("shares are kept exactly, and times within their bounds", () => {
  const peers = peersOf(
    scenario({
      ases: "[{ peers: 100, up: 100kB/s }]",
      arrivals: "{ spread: 0s, late: 30%, late-by: 60s }",
      departures: "{ share: 20%, when: random, within: 10s }",
      slow: "{ share: 10%, factor: 0.1 }",
    }),
  ).slice(1);
  expect(peers.filter((peer) => peer.up === 10_000)).toHaveLength(10);
  expect(peers.filter((peer) => peer.joinsAtMs === 0).length).toBeGreaterThanOrEqual(70);
  for (const { joinsAtMs } of peers) expect(joinsAtMs).toBeLessThanOrEqual(60_000);
  const leavers = peers.flatMap(({ leaves }) => (typeof leaves === "object" ? leaves.atMs : []));
  expect(leavers).toHaveLength(20);
  for (const at of leavers) expect(at).toBeLessThanOrEqual(10_000);
});

test("an election waits for nobody who may be gone again before all have come", () => {
  const read = scenario({
    ases: "[{ peers: 200, up: 100kB/s }]",
    arrivals: "{ spread: 10s, late: 10%, late-by: 60s }",
    departures: "{ share: 50%, when: random, within: 20s }",
  });
  const peers = peersOf(read);
  const early = peers.filter(({ joinsAtMs }) => joinsAtMs <= 10_000);
  const gone = early.filter(({ leaves }) => typeof leaves === "object" && leaves.atMs <= 10_000);
  expect(gone.length).toBeGreaterThan(0);
  expect(early.length).toBeLessThan(peers.length);
  const [variant] = read.variants;
  if (!variant) throw new Error("no variant");
  expect(presentAfterArrivals(peers, variant)).toBe(early.length - gone.length);
});

test("a repetition is the same each time, and another one is another", () => {
  const read = scenario({ ases: "[{ peers: 50, up: 1MB/s }]", arrivals: "{ spread: 60s }" });
  expect(peersOf(read, 2)).toEqual(peersOf(read, 2));
  expect(peersOf(read, 2)).not.toEqual(peersOf(read, 3));
});

test("policies take turns: those of one repetition and variant run next to each other", () => {
  const read = scenario({
    policies: "[{ name: bittorrent }, { name: cache }]",
    variants: "[{ name: a }, { name: b }]",
    repetitions: "2",
  });
  expect(
    cellsOf(read).map(({ policy, repetition, variant }) => `${repetition}${variant.name} ${policy.label}`),
  ).toEqual([
    "1a bittorrent",
    "1a cache",
    "1b bittorrent",
    "1b cache",
    "2a bittorrent",
    "2a cache",
    "2b bittorrent",
    "2b cache",
  ]);
});
