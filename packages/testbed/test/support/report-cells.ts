import type { CellResult, ReportedPolicy, TestbedReport } from "../../src/report/results.ts";

export const BITTORRENT: ReportedPolicy = { label: "bittorrent", name: "bittorrent" };
export const CACHE_50: ReportedPolicy = { label: "cache 50", name: "cache", leaderPercent: 50 };

/** A cell that is done and has a value for everything; the test says what matters to it. */
export function cellOf(policy: ReportedPolicy, figures: Partial<CellResult> = {}): CellResult {
  return {
    policy,
    variant: "",
    repetition: 1,
    state: "done",
    redundancy: 2,
    redundancyMax: 3,
    seedRedundancy: 1.5,
    redundancyByAs: { 2: 1, 3: 3 },
    externalBytes: 4000,
    p50Ms: 1000,
    p90Ms: 2000,
    maxMs: 3000,
    peers: 5,
    completed: 5,
    lowerBoundMs: 500,
    leaders: { p50Ms: 900, p90Ms: 1900 },
    followers: { p50Ms: 1100, p90Ms: 2100 },
    completionsMs: [800, 1000, 2000, 3000],
    partialBytes: 10,
    trafficByAs: [
      [0, 0, 0],
      [1000, 500, 0],
      [2000, 1000, 500],
    ],
    crossings: {
      atMs: [0, 1000, 2000],
      bytesByAs: [
        [0, 0, 0],
        [0, 500, 1000],
        [0, 1500, 3000],
      ],
    },
    escapes: [],
    claims: { asked: 0, granted: 0, denied: 0, expired: 0 },
    wallMs: 4000,
    eventLoopLagP99Ms: 20,
    cpu: 1.25,
    isMachineLimited: false,
    ...figures,
  };
}

/** Three ASes, the first of which has the seed and no downloader. */
export function reportOf(cells: readonly CellResult[], figures: Partial<TestbedReport> = {}): TestbedReport {
  const rates = { up: 1000, down: null, linkIn: null, linkOut: null };
  return {
    format: 1,
    scenario: "three",
    about: "",
    command: "cachetorrent testbed run three.yml",
    machine: "one",
    madeAt: "2026-11-20T18:04:12.000Z",
    seed: 7,
    timeScale: 2,
    storage: "own",
    contentBytes: 1000,
    pieces: 10,
    pieceLength: 100,
    ases: [
      { asn: 1, name: "home", peers: 1, initialSeeds: 1, ...rates },
      { asn: 2, name: "near", peers: 2, initialSeeds: 0, ...rates },
      { asn: 3, name: "far", peers: 2, initialSeeds: 0, ...rates },
    ],
    isPartial: false,
    cells,
    ...figures,
  };
}
