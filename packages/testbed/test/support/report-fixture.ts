import { type Random, seededRandom } from "@cachetorrent/clock";
import type { CellResult, ReportedAs, ReportedPolicy, TestbedReport } from "../../src/report/results.ts";

/** Invented, but believable: two variants, eight policies, three repetitions, 14 ASes of 50 peers. */
export interface FixtureShape {
  readonly repetitions: number;
  readonly peersPerAs: number;
  readonly samples: number;
}

/** What a policy does in the invented world: redundancy, p50 and p90 in s of swarm time, by variant. */
interface Manner {
  readonly policy: ReportedPolicy;
  readonly redundancy: readonly [number, number];
  readonly p50: readonly [number, number];
  readonly p90: readonly [number, number];
}

const MIB = 2 ** 20;
const CONTENT = 10 * MIB;
const ASES = 14;
const VARIANTS = ["seed 1x", "seed 4x"];

const MANNERS: readonly Manner[] = [
  manner({ label: "bittorrent", name: "bittorrent" }, [46.4, 46.7], [111.9, 98.3], [112.1, 99.8]),
  manner(
    { label: "biased 10", name: "biased", externalPercent: 10 },
    [15.6, 10.2],
    [109, 98.9],
    [109.2, 100.5],
  ),
  manner(
    { label: "biased 50", name: "biased", externalPercent: 50 },
    [30.1, 25.2],
    [110.1, 98.5],
    [110.6, 100.1],
  ),
  manner({ label: "cache 10", name: "cache", leaderPercent: 10 }, [4.7, 4.4], [142.3, 122.4], [199.1, 185.2]),
  manner({ label: "cache 20", name: "cache", leaderPercent: 20 }, [8.9, 7.1], [126.8, 109.3], [158.2, 141.5]),
  manner(
    { label: "cache 50", name: "cache", leaderPercent: 50 },
    [18.7, 11.1],
    [111.5, 96.2],
    [117.6, 106.1],
  ),
  manner(
    { label: "multi 2", name: "multi", leaderPercent: 10, ranges: 2 },
    [5.6, 5.1],
    [120.3, 110.6],
    [161.5, 150.3],
  ),
  manner(
    { label: "coordinated", name: "coordinated", leaderPercent: 10, fetchers: "all", relief: 1 },
    [1.002, 1.004],
    [104.7, 99.4],
    [104.9, 100.9],
  ),
];

export function reportFixture(seed = 1, shape: Partial<FixtureShape> = {}): TestbedReport {
  const random = seededRandom(seed);
  const size: FixtureShape = { repetitions: 3, peersPerAs: 50, samples: 128, ...shape };
  const ases = Array.from({ length: ASES }, (_, i) => reportedAs(i, size));
  const cells = VARIANTS.flatMap((_, variant) =>
    MANNERS.flatMap((one) =>
      Array.from({ length: size.repetitions }, (_, i) => cellOf(one, variant, i + 1, ases, size, random)),
    ),
  );
  return {
    format: 1,
    scenario: "reference",
    about: "14 ASes of 50 peers with home uplinks, one seed",
    command: "cachetorrent testbed run scenarios/reference.yml --out out/reference",
    machine: "2 cores, 24 GiB, Linux 6.1, Node.js v24.21.0",
    madeAt: "2026-11-20T18:04:12.000Z",
    seed,
    timeScale: 1,
    storage: "shared",
    contentBytes: CONTENT,
    pieces: 640,
    pieceLength: 16384,
    ases,
    isPartial: false,
    cells,
  };
}

/** The same report, with what can go wrong: a failed cell, a partial one, a slow machine, escapes. */
export function troubledFixture(seed = 1): TestbedReport {
  const report = reportFixture(seed);
  const cells = report.cells.map((cell): CellResult => {
    const is = (label: string, variant: string, repetition: number) =>
      cell.policy.label === label && cell.variant === variant && cell.repetition === repetition;
    if (is("cache 10", "seed 1x", 3)) {
      return {
        ...cell,
        state: "partial",
        why: "ended by SIGINT",
        completed: 411,
        completionsMs: cell.completionsMs.slice(0, 410),
        p90Ms: null,
        maxMs: null,
      };
    }
    if (is("multi 2", "seed 1x", 2)) return failed(cell, "worker 1 ended with exit code 134");
    if (is("cache 20", "seed 4x", 1) || is("bittorrent", "seed 1x", 2)) {
      return { ...cell, isMachineLimited: true, eventLoopLagP99Ms: 143.7 };
    }
    if (is("coordinated", "seed 4x", 1)) {
      const first = { asn: 64509, peer: "127.9.0.17:6881", atMs: 48_250, why: "no grant within 15 s" };
      return { ...cell, escapes: [first, { ...first, peer: "127.9.0.31:6881", atMs: 51_118 }] };
    }
    return cell;
  });
  return { ...report, cells, isPartial: true };
}

function failed(cell: CellResult, why: string): CellResult {
  const none = { p50Ms: null, p90Ms: null };
  return {
    ...cell,
    ...none,
    state: "failed",
    why,
    maxMs: null,
    redundancy: null,
    redundancyMax: null,
    seedRedundancy: null,
    redundancyByAs: {},
    completionsMs: [],
    completed: 1,
    leaders: none,
    followers: none,
    crossings: { atMs: [], bytesByAs: [] },
  };
}

function manner(
  policy: ReportedPolicy,
  redundancy: readonly [number, number],
  p50: readonly [number, number],
  p90: readonly [number, number],
): Manner {
  return { policy, redundancy, p50, p90 };
}

function reportedAs(index: number, size: FixtureShape): ReportedAs {
  return {
    asn: 64501 + index,
    name: `AS ${64501 + index}`,
    peers: size.peersPerAs + (index === 0 ? 1 : 0),
    initialSeeds: index === 0 ? 1 : 0,
    up: 107_000,
    down: 321_000,
    linkIn: null,
    linkOut: null,
  };
}

function cellOf(
  { policy, redundancy, p50, p90 }: Manner,
  variant: number,
  repetition: number,
  ases: readonly ReportedAs[],
  size: FixtureShape,
  random: Random,
): CellResult {
  const around = (value: number, share: number) => value * (1 + share * (2 * random() - 1));
  const isExact = policy.label === "coordinated";
  const middle = around((p50[variant] ?? 1) * 1000, 0.012);
  const late = Math.max(middle, around((p90[variant] ?? 1) * 1000, 0.012));
  const byAs = ases.map((as) =>
    isExact
      ? 1 + random() * 0.006 * (redundancy[variant] ?? 1)
      : around(redundancy[variant] ?? 1, 0.12) * (as.initialSeeds > 0 ? 0.9 : 1),
  );
  const measured = byAs.filter((_, i) => ases[i]?.initialSeeds === 0);
  const downloaders = ases.reduce((sum, as) => sum + as.peers - as.initialSeeds, 0);
  const completionsMs = Array.from({ length: downloaders }, (_, i) =>
    completion(i / downloaders, middle, late, random),
  ).toSorted((a, b) => a - b);
  const rank = (percent: number) => completionsMs[Math.ceil((percent / 100) * downloaders) - 1] ?? null;
  const maxMs = rank(100) ?? 0;
  const traffic = trafficOf(byAs, ases, isExact, random);
  const external = byAs.reduce((sum, value) => sum + value * CONTENT, 0);
  const isLed = policy.leaderPercent !== undefined;
  const claims = isExact ? Math.round(around(9200, 0.1)) : 0;
  return {
    policy,
    variant: VARIANTS[variant] ?? "",
    repetition,
    state: "done",
    redundancy: measured.reduce((sum, value) => sum + value, 0) / measured.length,
    redundancyMax: Math.max(...measured),
    seedRedundancy: external / CONTENT / ases.length,
    redundancyByAs: Object.fromEntries(
      ases.flatMap((as, i) => (as.initialSeeds === 0 ? [[as.asn, byAs[i] ?? 0]] : [])),
    ),
    externalBytes: Math.round(external),
    p50Ms: rank(50),
    p90Ms: rank(90),
    maxMs,
    peers: downloaders + 1,
    completed: downloaders + 1,
    lowerBoundMs: variant === 0 ? 98_000 : 88_000,
    leaders: isLed
      ? { p50Ms: Math.round(middle * 0.97), p90Ms: Math.round(late * 0.96) }
      : { p50Ms: null, p90Ms: null },
    followers: { p50Ms: rank(50), p90Ms: rank(90) },
    completionsMs,
    partialBytes: Math.round(around(2 * MIB, 0.5)),
    trafficByAs: traffic,
    crossings: crossingsOf(byAs, maxMs, size.samples, random),
    escapes: [],
    claims: {
      asked: claims,
      granted: Math.round(claims * 0.97),
      denied: Math.round(claims * 0.03),
      expired: Math.round(claims * 0.002),
    },
    wallMs: Math.round(maxMs * 1.1 + 9000),
    eventLoopLagP99Ms: Math.round(around(38, 0.4) * 10) / 10,
    cpu: Math.round(around(1.35, 0.1) * 100) / 100,
    isMachineLimited: false,
  };
}

/** By quantiles: none before the bound, half by `middle`, nine in ten by `late`. */
function completion(share: number, middle: number, late: number, random: Random): number {
  const first = Math.min(middle - 500, 87_000 + 0.08 * middle);
  const last = late + 800 + (late - middle) * 0.6;
  const between = (from: number, to: number, part: number) => from + (to - from) * part;
  if (share < 0.5) return Math.round(between(first, middle, (share / 0.5) ** 0.6) + random() * 200);
  if (share < 0.9) return Math.round(between(middle, late, (share - 0.5) / 0.4) + random() * 200);
  return Math.round(between(late, last, ((share - 0.9) / 0.1) ** 2) + random() * 200);
}

/** Receivers by row. What an AS got from outside comes from all others; the rest of its peers' copies from within. */
function trafficOf(
  byAs: readonly number[],
  ases: readonly ReportedAs[],
  isExact: boolean,
  random: Random,
): number[][] {
  return ases.map((to, row) => {
    const weights = ases.map((from, column) =>
      column === row ? 0 : (0.3 + random()) * (isExact && from.initialSeeds > 0 ? 9 : 1),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    const copies = byAs[row] ?? 0;
    return weights.map((weight, column) =>
      Math.round(
        CONTENT *
          (column === row ? Math.max(0, to.peers - to.initialSeeds - copies) : (copies * weight) / sum),
      ),
    );
  });
}

function crossingsOf(byAs: readonly number[], maxMs: number, samples: number, random: Random) {
  const atMs = Array.from({ length: samples }, (_, i) => Math.round((maxMs * i) / (samples - 1)));
  const bytesByAs = byAs.map((copies) => {
    const lead = 0.02 + 0.06 * random();
    return atMs.map((at) => {
      const share = Math.min(1, Math.max(0, at / maxMs - lead) / (0.93 - lead));
      return Math.round(copies * CONTENT * share ** 1.1);
    });
  });
  return { atMs, bytesByAs };
}
