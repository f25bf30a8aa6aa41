import { CtError } from "@cachetorrent/protocol";
import { describe, expect, it, test } from "vitest";
import { planTopology } from "../src/topology.ts";
import { scenario } from "./support/scenarios.ts";

const ASES = "[{ asn: 64501, peers: 2, up: 1MB/s }, { asn: 64502, peers: 3, up: 1MB/s }]";
const faultsOf = (text: string, more: Readonly<Record<string, string>> = {}) =>
  scenario({ ases: ASES, seeds: "{ as: 64501, up: 1MB/s }", faults: text, ...more }).variants[0]?.faults;

test("faults are read as a list of what happens to whom, and when", () => {
  expect(
    faultsOf(`
  - { kill: peer-2-3, at: 10s }
  - { kill: head, as: 64502, at-percent: 30% }
  - { kill: leaders, at: 1m }
  - { kill: tracker, at: 15s, restart-after: 10s }
  - { cut: 64502, at: 20s, for: 20s }
  - { slow: 64501, rate: 8Mbit/s, link-out: 1Mbit/s, at: 30s, for: 5s }`),
  ).toEqual([
    { kind: "kill-peer", name: "peer-2-3", at: { ms: 10_000 } },
    { kind: "kill-leaders", whom: "head", asn: 64502, at: { progress: 0.3 } },
    { kind: "kill-leaders", whom: "leaders", at: { ms: 60_000 } },
    { kind: "kill-tracker", restartAfterMs: 10_000, at: { ms: 15_000 } },
    { kind: "cut", asn: 64502, forMs: 20_000, at: { ms: 20_000 } },
    { kind: "slow", asn: 64501, linkIn: 1_000_000, linkOut: 125_000, forMs: 5000, at: { ms: 30_000 } },
  ]);
});

test("the names that faults call peers by are those of the plan, the same whoever seeds", () => {
  const read = scenario({ ases: ASES, seeds: "{ as: 64502, count: 2, up: 1MB/s }" });
  const [variant] = read.variants;
  if (!variant) throw new Error("no variant");
  const { peers } = planTopology(read, { variant, repetition: 1 });
  expect(peers.map(({ name }) => name)).toEqual([
    "seed-2-1",
    "seed-2-2",
    "peer-1-1",
    "peer-1-2",
    "peer-2-1",
    "peer-2-2",
    "peer-2-3",
  ]);
});

test("a variant may have faults of its own, or none", () => {
  const read = scenario({
    faults: "[{ kill: tracker, at: 5s }]",
    variants: "[{ name: as it is }, { name: calm, faults: [] }]",
  });
  expect(read.variants.map(({ faults }) => faults?.length)).toEqual([1, undefined]);
});

test("stock clients are counted for each AS of a group", () => {
  const read = scenario({ ases: "[{ count: 2, peers: 1, up: 1MB/s, stock: { aria2: 2 } }]" });
  expect(read.ases.map(({ stock }) => stock)).toEqual([
    { aria2: 2, transmission: 0 },
    { aria2: 2, transmission: 0 },
    undefined,
  ]);
});

describe("a fault that makes no sense is refused with its key:", () => {
  it.each([
    ["nothing happens", "{ at: 1s }", /faults\[0\]: must have one of kill, cut and slow/],
    ["two things happen", "{ kill: head, cut: 64501, at: 1s }", /must have one of kill, cut and slow/],
    ["at no time", "{ kill: head }", /faults\[0\]: must have either at or at-percent/],
    [
      "somebody else dies",
      "{ kill: everybody, at: 1s }",
      /faults\[0\]\.kill must be head, leaders, tracker, or a peer's name such as peer-2-3, not "everybody"/,
    ],
    [
      "a peer too many",
      "{ kill: peer-2-4, at: 1s }",
      /faults\[0\]\.kill: there is no peer-2-4: there are peer-1-1 to peer-1-2, seed-1-1, peer-2-1 to peer-2-3/,
    ],
    ["a peer of no AS", "{ kill: peer-3-1, at: 1s }", /faults\[0\]\.kill: there is no peer-3-1/],
    ["a seed of another AS", "{ kill: seed-2-1, at: 1s }", /faults\[0\]\.kill: there is no seed-2-1/],
    [
      "an AS that is none",
      "{ kill: head, as: 7, at: 1s }",
      /faults\[0\]\.as: there is no AS 7; there are 64501, 64502/,
    ],
    ["a peer and its AS", "{ kill: peer-2-1, as: 64502, at: 1s }", /faults\[0\]\.as: a kill of a peer/],
    ["an AS cut for ever", "{ cut: 64501, at: 1s }", /faults\[0\]: a cut needs for/],
    ["an AS slow by nothing", "{ slow: 64501, at: 1s }", /a slow border needs rate, or link-in and link-out/],
    [
      "a leader that comes back",
      "{ kill: head, restart-after: 1s, at: 1s }",
      /a kill of head has no restart-after/,
    ],
    [
      "a cut with a rate",
      "{ cut: 64501, rate: 1MB/s, for: 1s, at: 1s }",
      /faults\[0\]\.rate: a cut has no rate/,
    ],
  ])("%s", (_what, fault, message) => {
    expect(() => faultsOf(`[${fault}]`)).toThrow(message);
    expect(() => faultsOf(`[${fault}]`)).toThrow(CtError);
  });
});
