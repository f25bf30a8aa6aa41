import { isInternal } from "@cachetorrent/protocol";
import { accountsOf, externalBytes, type PeerRecord } from "./accounts.ts";
import { linkAwareBoundMs } from "./bounds.ts";
import { type CellRecords, noRecords, type PeerAccounts } from "./cell-records.ts";
import { percentile } from "./percentile.ts";
import type { CellResult, ReportedPolicy } from "./report/results.ts";
import type { Cell, Scenario, ScenarioPolicy } from "./scenario/scenario.ts";
import { planTopology } from "./topology.ts";

export interface CellContent {
  readonly bytes: number;
  readonly pieceLength: number;
}

/** What one run came to. */
export function cellResult(
  scenario: Scenario,
  cell: Cell,
  content: CellContent,
  records: CellRecords,
): CellResult {
  const { cutShort, plan, startAt } = records;
  const accounts = new Map(records.peers.map((peer) => [peer.id, peer]));
  const peers = plan.flatMap((planned): (PeerRecord & { account: PeerAccounts })[] => {
    const account = accounts.get(planned.id);
    if (!account) return [];
    return [{ asn: planned.asn, initialSeed: planned.isInitialSeed, ledger: account.ledger, account }];
  });
  const leechers = peers.filter((peer) => !peer.initialSeed);
  const leaders = leechers.filter(({ account }) => account.ledAtCompletion);
  const followers = leechers.filter(({ account }) => !account.ledAtCompletion);
  return {
    ...accountsOf(peers, content),
    policy: reportedPolicy(cell.policy),
    variant: cell.variant.name,
    repetition: cell.repetition,
    state: cutShort === undefined ? "done" : "partial",
    ...(cutShort === undefined ? {} : { why: cutShort }),
    initialSeeds: cell.variant.seeds.count,
    lowerBoundMs: cellBoundMs(scenario, cell, content.bytes),
    leaders: percentilesOf(leaders),
    followers: percentilesOf(followers),
    completionsMs: completions(leechers),
    ...(records.seenOutside ? { completedAtMs: completedAt(leechers, startAt) } : {}),
    completionsMsByAs: scenario.ases.map(({ asn }) =>
      completions(leechers.filter((peer) => peer.asn === asn)),
    ),
    partialBytes: partialBytes(peers, content),
    trafficByAs: trafficByAs(scenario, peers),
    crossings: records.crossings,
    escapes: records.escapes.map(({ at, id, why }) => ({
      asn: plan[id]?.asn ?? 0,
      peer: plan[id]?.address ?? "",
      atMs: Math.round(at - startAt),
      why,
    })),
    claims: claimsOf(peers.map((peer) => peer.account)),
    wallMs: Math.round(records.wallMs),
    eventLoopLagP99Ms: records.lagP99Ms,
    cpu: records.cpu === null ? null : Math.round(records.cpu * 100) / 100,
    isMachineLimited: records.isMachineLimited,
    ...records.seenOutside,
  };
}

/** A run that broke down before anything was measured. */
export function failedCell(scenario: Scenario, cell: Cell, content: CellContent, why: string): CellResult {
  return { ...cellResult(scenario, cell, content, noRecords(scenario, why)), state: "failed" };
}

/** The least time this cell can take, from its peers' capacities: slow ones as slow as they are. */
export function cellBoundMs(scenario: Scenario, cell: Omit<Cell, "policy">, contentBytes: number): number {
  const { peers } = planTopology(scenario, cell);
  const seeds = peers.filter((peer) => peer.isInitialSeed);
  const origins = new Set(seeds.map((peer) => peer.asn));
  const away = scenario.ases.filter(({ asn, peers: size }) => size > 0 && !origins.has(asn));
  return linkAwareBoundMs({
    contentBytes,
    seedUps: seeds.map(({ up }) => up),
    leechers: peers.filter((peer) => !peer.isInitialSeed),
    linksIn: away.map(({ linkIn }) => linkIn),
    seedLinksOut:
      away.length > 0
        ? scenario.ases.filter(({ asn }) => origins.has(asn)).map(({ linkOut }) => linkOut)
        : [],
  });
}

function reportedPolicy({ trackerSettings: _, ...policy }: ScenarioPolicy): ReportedPolicy {
  return policy;
}

function completions(peers: readonly PeerRecord[]): number[] {
  return peers
    .flatMap(({ ledger: { completedAt, firstAnnounceAt } }) =>
      completedAt === null || firstAnnounceAt === null ? [] : [Math.max(0, completedAt - firstAnnounceAt)],
    )
    .sort((a, b) => a - b);
}

function completedAt(peers: readonly PeerRecord[], startAt: number): number[] {
  return peers
    .flatMap(({ ledger }) =>
      ledger.completedAt === null ? [] : [Math.max(0, Math.round(ledger.completedAt - startAt))],
    )
    .sort((a, b) => a - b);
}

function percentilesOf(peers: readonly PeerRecord[]): CellResult["leaders"] {
  const times = completions(peers);
  return { p50Ms: percentile(times, 50), p90Ms: percentile(times, 90) };
}

/** What came from outside, less the verified pieces of which most came from there. */
function partialBytes(peers: readonly PeerRecord[], content: CellContent): number {
  let bytes = 0;
  for (const peer of peers) {
    let pieces = 0;
    for (const role of peer.ledger.roles) {
      for (const [from, count] of Object.entries(role.piecesByAsn)) {
        if (!isInternal(peer.asn, Number(from) as typeof peer.asn)) pieces += count;
      }
    }
    bytes += Math.max(0, externalBytes(peer) - pieces * content.pieceLength);
  }
  return bytes;
}

function trafficByAs(scenario: Scenario, peers: readonly PeerRecord[]): number[][] {
  const placeOf = new Map(scenario.ases.map(({ asn }, i) => [Number(asn), i]));
  const traffic = scenario.ases.map(() => scenario.ases.map(() => 0));
  for (const { asn, ledger } of peers) {
    const row = traffic[placeOf.get(asn) ?? -1];
    for (const role of ledger.roles) {
      for (const [from, bytes] of Object.entries(role.bytesByAsn)) {
        const column = placeOf.get(Number(from));
        if (row && column !== undefined) row[column] = (row[column] ?? 0) + bytes;
      }
    }
  }
  return traffic;
}

function claimsOf(accounts: readonly PeerAccounts[]): CellResult["claims"] {
  const sum = { asked: 0, granted: 0, denied: 0, expired: 0 };
  for (const { claims } of accounts) {
    if (!claims) continue;
    sum.asked += claims.asked;
    sum.granted += claims.granted;
    sum.denied += claims.denied;
    sum.expired += claims.expired;
  }
  return sum;
}
