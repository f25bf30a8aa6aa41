import { CtError } from "@cachetorrent/protocol";
import { describe, expect, it, test } from "vitest";
import { bundledScenarios } from "../src/bundled-scenarios.ts";
import { loadScenario, readScenario } from "../src/scenario/load-scenario.ts";
import { LEAST, scenario, scenarioText } from "./support/scenarios.ts";

/** What reading this text is refused with. */
function refusal(text: string): string {
  try {
    readScenario(text, "a.yml");
  } catch (error) {
    expect(error).toBeInstanceOf(CtError);
    expect((error as CtError).code).toBe("CT_ERR_CONFIG");
    return (error as CtError).message;
  }
  throw new Error("it was not refused");
}

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

describe("what is wrong is told with file, line and key, and what would be right:", () => {
  it.each<[string, string, RegExp]>([
    [
      "an unknown key",
      `${LEAST}repetition: 3`,
      /^a\.yml:10: unknown key "repetition" \(did you mean repetitions\?\)$/,
    ],
    [
      "an unknown key further in",
      scenarioText({ ases: "\n  - peers: 3\n    uplink: 1MB/s" }),
      /^a\.yml:9: unknown key "uplink" in ases\[0\]/,
    ],
    [
      "a key that is missing",
      scenarioText({ seeds: "{}" }),
      /seeds: key "up" is missing \(upload capacity of each\)/,
    ],
    [
      "a rate without a unit",
      scenarioText({ seeds: "{ up: 5 }" }),
      /seeds\.up must be a rate such as 250kB\/s or 2Mbit\/s, not 5$/,
    ],
    [
      "a time without a unit",
      scenarioText({ "time-limit": "90" }),
      /time-limit must be a time such as 90s, 1\.5m or 500ms, not 90$/,
    ],
    [
      "a share above everything",
      scenarioText({ slow: "{ share: 120%, factor: 0.5 }" }),
      /slow\.share must be a percentage from 0 to 100.*not "120%"$/,
    ],
    [
      "a share that may be one of 1 or of 100",
      scenarioText({ slow: "{ share: 0.07, factor: 0.5 }" }),
      /slow\.share must be a percentage from 0 to 100, such as 25%, not 0\.07: write 7% or 0\.07%$/,
    ],
    [
      "a share of which only one can be meant",
      scenarioText({ policies: "[{ name: cache, leader-percent: 0.5 }]" }),
      /policies\[0\]\.leader-percent must be a percentage from 1 to 100.*, not 0\.5: write 50%$/,
    ],
    [
      "a factor that is none",
      scenarioText({ slow: "{ share: 10%, factor: 2 }" }),
      /slow\.factor must be a number above 0 and up to 1/,
    ],
    [
      "a number out of bounds",
      scenarioText({ repetitions: "0" }),
      /repetitions must be a whole number from 1 to 1000, not 0$/,
    ],
    [
      "a piece length that is no power of two",
      scenarioText({ torrent: "{ pieces: 4, piece-length: 20KiB }" }),
      /torrent\.piece-length: must be a power of two/,
    ],
    [
      "a piece length that is too short",
      scenarioText({ torrent: "{ pieces: 4, piece-length: 1KiB }" }),
      /a power of two from 16KiB to 16MiB, not "1KiB"/,
    ],
    [
      "a policy that is none",
      scenarioText({ policies: "[{ name: cash }]" }),
      /policies\[0\]\.name must be one of bittorrent, .*, not "cash" \(did you mean cache\?\)$/,
    ],
    [
      "two policies of one name",
      scenarioText({ policies: "[{ name: cache }, { name: cache }]" }),
      /policies\[1\]: there is another policy "cache": give it a label/,
    ],
    [
      "more leaders than there can be",
      scenarioText({ policies: "[{ name: multi, ranges: 3, leader-percent: 40 }]" }),
      /policies\[0\]: ranges times leader-percent is 120/,
    ],
    [
      "a setting that the policy does not look at",
      scenarioText({ policies: "[{ name: biased, leader-percent: 50 }]" }),
      /policies\[0\]\.leader-percent: biased does not look at it: it has external-percent$/,
    ],
    [
      "a setting where the policy has none",
      scenarioText({ policies: "[{ name: cache }, { name: bittorrent, relief: 2 }]" }),
      /policies\[1\]\.relief: bittorrent does not look at it: it has no setting$/,
    ],
    [
      "a setting that another one turns on",
      scenarioText({ policies: "[{ name: multi, hand-out: random, external-percent: 20 }]" }),
      /policies\[0\]\.external-percent: multi looks at it only with hand-out: biased$/,
    ],
    [
      "two variants of one name",
      scenarioText({ variants: "[{ name: a }, { name: a }]" }),
      /variants\[1\]\.name: there is another variant "a"/,
    ],
    [
      "a variant of what cannot vary",
      scenarioText({ variants: "[{ name: a, torrent: { pieces: 4 } }]" }),
      /unknown key "torrent" in variants\[0\]/,
    ],
    ["no content", scenarioText({ torrent: "{}" }), /torrent: must have pieces \(random content\) or a path/],
    [
      "two contents",
      scenarioText({ torrent: "{ pieces: 4, path: x }" }),
      /torrent: has either pieces \(random content\) or a path, not both/,
    ],
    ["no ASes", scenarioText({ ases: "[]" }), /ases must be a list of at least one AS/],
    [
      "an AS without peers",
      scenarioText({ ases: "[{ up: 1MB/s }]" }),
      /ases\[0\]: must have either peers or sizes/,
    ],
    [
      "an AS with two sizes",
      scenarioText({ ases: "[{ up: 1MB/s, peers: 3, sizes: [1] }]" }),
      /ases\[0\]: must have either peers or sizes/,
    ],
    [
      "a count beside a list",
      scenarioText({ ases: "[{ up: 1MB/s, count: 2, sizes: [1] }]" }),
      /ases\[0\]\.count: sizes say how many/,
    ],
    [
      "more ASes than peers",
      scenarioText({ ases: "[{ up: 1MB/s, sizes: { zipf: 1, ases: 9, peers: 3 } }]" }),
      /ases\[0\]\.sizes: each AS needs a peer/,
    ],
    [
      "sizes of another kind",
      scenarioText({ ases: "[{ up: 1MB/s, sizes: 3 }]" }),
      /ases\[0\]\.sizes must be a list of numbers of peers, or zipf, ases and peers, not 3/,
    ],
    [
      "two ASes of one number",
      scenarioText({ ases: "[{ asn: 7, up: 1MB/s, peers: 1 }, { asn: 7, up: 1MB/s, peers: 1 }]" }),
      /ases\[1\]: there are two ASes of number 7/,
    ],
    [
      "more ASes than loopback has room for",
      scenarioText({ ases: "[{ count: 250, up: 1MB/s, peers: 1 }]" }),
      /ases: 251 ASes: at most 250 fit/,
    ],
    [
      "more peers than fit",
      scenarioText({ ases: "[{ count: 2, up: 1MB/s, peers: 20000 }]" }),
      /ases: 40000 peers: at most 20000 fit/,
    ],
    [
      "a seed in no AS",
      scenarioText({ seeds: "{ as: 9, up: 1MB/s }" }),
      /seeds\.as: there is no AS 9; there are 1$/,
    ],
    [
      "a seed in what is no AS",
      scenarioText({ seeds: "{ as: owm, up: 1MB/s }" }),
      /seeds\.as must be own, or an AS number.*not "owm" \(did you mean own\?\)/,
    ],
    [
      "late peers without a time",
      scenarioText({ arrivals: "{ late: 10% }" }),
      /arrivals: late needs late-by/,
    ],
    [
      "a time for late ones where nobody is late",
      scenarioText({ arrivals: "{ spread: 1s, late-by: 20s }" }),
      /^a\.yml:9: arrivals\.late-by: without late, the share that joins late, nobody does$/,
    ],
    [
      "a time for those who leave when complete",
      scenarioText({ variants: "[{ name: a, departures: { share: 5, when: complete, within: 9s } }]" }),
      /variants\[0\]\.departures\.within: is for departures at random times: these leave when complete$/,
    ],
    [
      "random departures without a time",
      scenarioText({ departures: "{ share: 10%, when: random }" }),
      /departures: departures at random times need within/,
    ],
    [
      "a kill at no time",
      scenarioText({ kills: "[{ whom: heads }]" }),
      /kills\[0\]: must have either at or at-percent/,
    ],
    [
      "a kill at two times",
      scenarioText({ kills: "[{ whom: heads, at: 3s, at-percent: 5 }]" }),
      /kills\[0\]: must have either at or at-percent/,
    ],
    [
      "a kill of somebody else",
      scenarioText({ kills: "[{ whom: seeds, at: 3s }]" }),
      /kills\[0\]\.whom must be one of leaders, heads, not "seeds"/,
    ],
    [
      "a name that is no folder's",
      scenarioText({ name: "../x" }),
      /name must be a short name of small letters/,
    ],
    [
      "an alias of nothing",
      scenarioText({ seeds: "{ up: *rate }" }),
      /^a\.yml:8: \*rate: nothing before it is marked with &rate$/,
    ],
    [
      "what is no table taken over into one",
      scenarioText({ seeds: "{ <<: 3, up: 1MB/s }" }),
      /^a\.yml:8: << must be a table, an alias of one, or a list$/,
    ],
    ["a list where keys belong", scenarioText({ seeds: "[1]" }), /seeds must be keys with values below it/],
    ["nothing at all", "", /^a\.yml:1: the file must be keys with values below it$/],
    ["what is no YAML", "name: [", /^a\.yml:\d+: /],
  ])("%s", (_what, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it("a file that is not there", async () => {
    await expect(loadScenario("/nowhere/a.yml")).rejects.toThrow(
      /cannot read the scenario \/nowhere\/a\.yml/,
    );
  });
});

test("the scenarios that come along are all sound, and named as their files", async () => {
  const bundled = await bundledScenarios();
  expect(bundled.map(({ name }) => name)).toContain("small");
  for (const { file, name } of bundled) expect((await loadScenario(file)).name).toBe(name);
});
