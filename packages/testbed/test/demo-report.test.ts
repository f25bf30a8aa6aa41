import { describe, expect, it } from "vitest";
import { type DemoReport, type DemoRun, demoSentence, demoTable, progressLine } from "../src/demo-report.ts";

const PLAIN: DemoRun = {
  policy: "bittorrent",
  redundancy: 3.004,
  redundancyMax: 3.5,
  seedRedundancy: 2.75,
  redundancyByAs: { 2: 2.508, 3: 3.5 },
  externalBytes: 250 * 1024 * 1024,
  p50Ms: 9960,
  p90Ms: 10_400,
  maxMs: 11_000,
  peers: 12,
  completed: 12,
  peakMemoryBytes: 130 * 1024 * 1024,
  leaders: {
    1: [{ peerId: "aa", endpoint: "127.1.0.1:40001" }],
    2: [{ peerId: "bb", endpoint: "127.2.0.3:40002" }],
  },
};
const FAILED: DemoRun = {
  ...PLAIN,
  policy: "biased",
  redundancy: null,
  redundancyMax: null,
  seedRedundancy: null,
  externalBytes: 0,
  p50Ms: null,
  p90Ms: null,
  maxMs: null,
  completed: 1,
  peakMemoryBytes: 128 * 1024 * 1024,
  leaders: {},
};
const REPORT: DemoReport = {
  command: "scripts/demo",
  machine: "one",
  seed: 1,
  contentBytes: 1,
  lowerBoundMs: 1,
  runs: [PLAIN, FAILED],
};

describe("the demo's table", () => {
  it("has a row for each figure and a column for each policy", () => {
    expect(demoTable(REPORT).split("\n")).toEqual([
      "  policy              bittorrent      biased",
      "  redundancy, mean          3.00           -",
      "  redundancy, max           3.50           -",
      "  seedRedundancy            2.75           -",
      "  external bytes       250.0 MiB         0 B",
      "  completion p50          10.0 s           -",
      "  completion p90          10.4 s           -",
      "  completion max          11.0 s           -",
      "  peer memory, peak    130.0 MiB   128.0 MiB",
      "  complete peers           12/12        1/12",
      "  leaders of AS 1      127.1.0.1           -",
      "  leaders of AS 2      127.2.0.3           -",
    ]);
  });

  it("is summed up by how often each byte crossed a border", () => {
    const coordinated: DemoRun = { ...PLAIN, policy: "coordinated", redundancy: 1, p90Ms: 9880 };
    expect(demoSentence([PLAIN, FAILED, coordinated])).toBe(
      "BitTorrent moved each byte 3.00 times across AS borders; coordinated 1.00x, in 95 % of the time (p90).",
    );
  });

  it("says what is known where a policy has no figures", () => {
    expect(demoSentence([PLAIN])).toBe(
      "BitTorrent moved each byte 3.00 times across AS borders; once would do.",
    );
    expect(demoSentence([PLAIN, FAILED])).toBe(
      "BitTorrent moved each byte 3.00 times across AS borders; biased -x.",
    );
  });
});

describe("a line of progress", () => {
  it("keeps its columns while figures grow", () => {
    const early = progressLine("biased", 900, { completeLeechers: 0, leechers: 11, externalBytes: 0 });
    const late = progressLine("bittorrent", 12_345, {
      completeLeechers: 11,
      leechers: 11,
      externalBytes: 3 * 1024 * 1024,
    });
    expect(early).toBe("  biased       1 s   complete  0/11   crossed AS borders 0 B");
    expect(late).toBe("  bittorrent  12 s   complete 11/11   crossed AS borders 3.00 MiB");
  });
});
