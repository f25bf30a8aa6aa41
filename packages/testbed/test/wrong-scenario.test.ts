import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { loadScenario } from "../src/scenario/load-scenario.ts";
import { LEAST, refusal, scenarioText } from "./support/scenarios.ts";

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
    [
      "what is no YAML",
      "name: x\nabout: x: y\n",
      /^a\.yml:2:8: not valid YAML: a value has a ": " in it: .* \(Nested mappings .*\)$/,
    ],
  ])("%s", (_what, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it("content that is not there", async () => {
    const file = await scenarioFile(scenarioText({ torrent: "\n  path: absent.iso" }));
    await expect(loadScenario(file)).rejects.toThrow(
      `${file}:9: torrent.path: ${join(dirname(file), "absent.iso")}: there is no such file or directory`,
    );
    await writeFile(join(dirname(file), "absent.iso"), "x");
    expect((await loadScenario(file)).content.kind).toBe("path");
  });

  it("more hosts than an AS has addresses for in containers, of which there are none on loopback", async () => {
    const ases = "\n  - { count: 2, peers: 3, up: 1MB/s }\n  - { name: big, asn: 9, peers: 240, up: 1MB/s }";
    const file = await scenarioFile(scenarioText({ ases, seeds: "{ as: 9, up: 1MB/s }" }));
    expect((await loadScenario(file)).ases.length).toBe(3);
    await expect(loadScenario(file, { inContainers: true })).rejects.toThrow(
      `${file}:8: ases[1]: 241 hosts in big: at most 240 have an address there`,
    );
  });

  it("a file that is not there", async () => {
    await expect(loadScenario("/nowhere/a.yml")).rejects.toThrow(
      /cannot read the scenario \/nowhere\/a\.yml/,
    );
  });
});

async function scenarioFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "ct-scenario-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "a.yml");
  await writeFile(file, text);
  return file;
}
