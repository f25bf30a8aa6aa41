import { describe, expect, it, test } from "vitest";
import { bundledScenarios } from "../src/bundled-scenarios.ts";
import { loadScenario, readScenario } from "../src/scenario/load-scenario.ts";
import { refusal, scenario, scenarioText } from "./support/scenarios.ts";

test("what a scenario does not say has defaults", () => {
  const read = scenario();
  expect(read).toMatchObject({ repetitions: 1, seed: 1, timeScale: 1, storage: "shared" });
  expect(read.content).toEqual({ kind: "random", pieces: 64, pieceLength: 16 * 1024 });
  expect(read.variants).toHaveLength(1);
  expect(read.variants[0]).toMatchObject({ name: "", numwant: 50, connections: 80, kills: [] });
  expect(read.ases[0]).toMatchObject({ asn: 1, name: "AS 1", down: Number.POSITIVE_INFINITY });
});

test("rates, sizes, times and percentages are read as people write them", () => {
  const read = scenario({
    ases: '[{ peers: 2, up: 2Mbit/s, down: "6 Mbit/s", link-in: 1MB/s, link-out: 500KiB/s }]',
    torrent: "{ pieces: 64, piece-length: 256KiB }",
    arrivals: "{ spread: 1.5m, late: 30, late-by: 500ms }",
    "time-limit": "2h",
  });
  expect(read.ases[0]).toMatchObject({ up: 250_000, down: 750_000, linkIn: 1e6, linkOut: 512_000 });
  expect(read.content).toMatchObject({ pieceLength: 262_144 });
  expect(read.variants[0]?.arrivals).toEqual({ spreadMs: 90_000, lateShare: 0.3, lateByMs: 500 });
  expect(read.variants[0]?.timeLimitMs).toBe(7_200_000);
});

test("a percentage may be as small as one writes it, with its sign, and 0 and 1 need none", () => {
  const share = (text: string) =>
    scenario({ departures: `{ share: ${text}, when: complete }` }).variants[0]?.departures.share;
  expect(share("0.5%")).toBe(0.005);
  expect(share("0")).toBe(0);
  expect(share("1")).toBe(0.01);
  expect(share("2.5")).toBe(0.025);
});

test("policies are named after themselves and their numbers, unless they have a label", () => {
  const { policies } = scenario({
    policies:
      "[{ name: cache, leader-percent: 25 }, { name: biased, external-percent: 10 }, { name: multi, ranges: 3, label: three }]",
  });
  expect(policies.map((policy) => policy.label)).toEqual(["cache 25", "biased 10", "three"]);
  expect(policies[0]).toMatchObject({ leaderPercent: 25, trackerSettings: { "leader-percent": 25 } });
});

test("relief is one of these numbers, so that two reliefs can stand side by side", () => {
  const { policies } = scenario({
    policies:
      "[{ name: coordinated, leader-percent: 25 }, { name: coordinated, leader-percent: 25, relief: 2.5 }]",
  });
  expect(policies.map((policy) => policy.label)).toEqual(["coordinated 25", "coordinated 25 relief 2.5"]);
});

test("every setting is taken where its policy looks at it", () => {
  const { policies } = scenario({
    policies: `
  - { name: biased, external-percent: 30 }
  - { name: cache, leader-percent: 20, hand-out: biased, external-percent: 30 }
  - { name: multi, ranges: 3, leader-percent: 20, hand-out: random }
  - { name: coordinated, leader-percent: 20, fetchers: leaders, relief: 2 }`,
  });
  expect(policies.map(({ trackerSettings }) => Object.keys(trackerSettings).length)).toEqual([1, 3, 3, 3]);
  // And is told in the report.
  expect(policies.map(({ label: _, trackerSettings: __, ...reported }) => reported)).toEqual([
    { name: "biased", externalPercent: 30 },
    { name: "cache", leaderPercent: 20, handOut: "biased", externalPercent: 30 },
    { name: "multi", ranges: 3, leaderPercent: 20, handOut: "random" },
    { name: "coordinated", leaderPercent: 20, fetchers: "leaders", relief: 2 },
  ]);
});

test("a variant sets anew what it names, and nothing else", () => {
  const { variants } = scenario({
    neighbours: "{ numwant: 7 }",
    variants: "[{ name: as it is }, { name: fast seed, seeds: { up: 1MB/s }, time-limit: 5s }]",
  });
  expect(variants.map(({ name, seeds, numwant }) => [name, seeds.up, numwant])).toEqual([
    ["as it is", 200_000, 7],
    ["fast seed", 1_000_000, 7],
  ]);
  expect(variants[1]?.timeLimitMs).toBe(5000);
});

test("a torrent's path is relative to the scenario's file", () => {
  const read = readScenario(scenarioText({ torrent: "{ path: ../film.mkv }" }), "/data/scenarios/a.yml");
  expect(read.content).toEqual({ kind: "path", path: "/data/film.mkv", pieceLength: undefined });
});

describe("ASes", () => {
  it("are counted, numbered on from those with numbers, or have listed sizes", () => {
    const { ases } = scenario({
      ases: "[{ asn: 2, name: named, peers: 9, up: 1MB/s }, { count: 2, peers: 4, up: 1MB/s }, { name: listed, sizes: [5, 1], up: 1MB/s }]",
    });
    expect(ases.map(({ asn, name, peers }) => [asn, name, peers])).toEqual([
      [2, "named", 9],
      [1, "AS 1", 4],
      [3, "AS 3", 4],
      [4, "listed 4", 5],
      [5, "listed 5", 1],
      [6, "seed", 0],
    ]);
  });

  it("have sizes after Zipf's law that add up", () => {
    const { ases } = scenario({ ases: "[{ sizes: { zipf: 1, ases: 4, peers: 100 }, up: 1MB/s }]" });
    const sizes = ases.slice(0, 4).map((one) => one.peers);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
    expect(sizes).toEqual([47, 24, 16, 13]);
  });

  it("hold the initial seeds where the scenario says so, else these have an AS of their own", () => {
    expect(scenario({ seeds: "{ as: 1, up: 1MB/s }" }).ases).toHaveLength(1);
    expect(scenario({ seeds: "{ as: own, up: 1MB/s }" }).ases.map((one) => one.name)).toEqual([
      "AS 1",
      "seed",
    ]);
  });
});

describe("what a scenario says once", () => {
  it("may be said again by an alias: a value, a table, or a list", () => {
    const { ases } = scenario({
      ases: `
  - { peers: 2, up: &rate 100kB/s, down: *rate }
  - &site { name: site, peers: 3, up: *rate }
  - *site
  - { sizes: &sizes [2, 1], up: *rate }
  - { sizes: *sizes, up: 1MB/s }`,
    });
    expect(ases.slice(0, 7).map(({ name, peers, up }) => [name, peers, up])).toEqual([
      ["AS 1", 2, 100_000],
      ["site", 3, 100_000],
      ["site", 3, 100_000],
      ["AS 4", 2, 100_000],
      ["AS 5", 1, 100_000],
      ["AS 6", 2, 1_000_000],
      ["AS 7", 1, 1_000_000],
    ]);
    expect(ases[0]?.down).toBe(100_000);
  });

  it("may be taken over into a table by <<, whose own keys and whose first ones count more", () => {
    const { ases } = scenario({
      ases: `
  - &slow { name: slow, peers: 2, up: 10kB/s, down: 20kB/s }
  - { <<: *slow, name: fast, up: 1MB/s }
  - { <<: [{ peers: 9 }, *slow], name: large }`,
    });
    expect(ases.slice(0, 3).map(({ down, name, peers, up }) => [name, peers, up, down])).toEqual([
      ["slow", 2, 10_000, 20_000],
      ["fast", 2, 1_000_000, 20_000],
      ["large", 9, 10_000, 20_000],
    ]);
  });

  it("is followed a thousand times at most, also where it stands for itself", () => {
    const many = (count: number) => `[{ sizes: [&n 1, ${Array(count).fill("*n").join(", ")}], up: 1kB/s }]`;
    expect(scenario({ ases: many(200) }).ases).toHaveLength(202);
    expect(refusal(scenarioText({ ases: many(1001) }))).toMatch(
      /^a\.yml:\d+: \*n: more aliases than the 1000 that are followed$/,
    );
    expect(refusal(scenarioText({ seeds: "&s { <<: *s, up: 1kB/s }" }))).toMatch(/\*s: more aliases than/);
  });
});

test("the scenarios that come along are all sound, and named as their files", async () => {
  const bundled = await bundledScenarios();
  expect(bundled.map(({ name }) => name)).toContain("small");
  for (const { file, name } of bundled) expect((await loadScenario(file)).name).toBe(name);
});
