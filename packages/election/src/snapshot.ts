import {
  type Address,
  type Asn,
  CtError,
  isPeerId,
  LIMITS,
  ok,
  type PeerId,
  parseAddress,
  type Result,
} from "@cachetorrent/protocol";
import type { Candidate } from "./candidate.ts";

/** The state of an election as plain data. Times are milliseconds of the tracker's clock. */
export interface ElectionSnapshot {
  readonly version: 1;
  /** Whether the election ran; until then nobody leads. */
  readonly ran: boolean;
  readonly firstCandidateAt?: number;
  /** The newest term of any electorate that has gone. */
  readonly termFloor: number;
  readonly evictions: readonly { readonly peerId: PeerId; readonly until: number }[];
  readonly electorates: readonly ElectorateSnapshot[];
}

export interface ElectorateSnapshot {
  readonly asn: Asn;
  readonly term: number;
  /** By seniority; absent before the first result. */
  readonly leaders?: readonly PeerId[];
  /** Those of each range, where the pieces are split. */
  readonly ranges?: readonly (readonly PeerId[])[];
  readonly members: readonly {
    readonly peerId: PeerId;
    readonly source: Address;
    readonly joinedAt: number;
    readonly openFeeds: number;
    readonly silentSince: number;
  }[];
  readonly candidates: readonly Candidate[];
  readonly reports: readonly { readonly leader: PeerId; readonly reporter: PeerId; readonly at: number }[];
}

/**
 * Checks what a state file held: a damaged file must not put ghosts into office. The error CT_ERR_STATE names the
 * part that is wrong.
 */
export function decodeElectionSnapshot(value: unknown): Result<ElectionSnapshot> {
  try {
    return ok(readElection(record(value, "election")));
  } catch (error) {
    if (error instanceof CtError) return { ok: false, error };
    throw error;
  }
}

type Fields = Readonly<Record<string, unknown>>;

function readElection(fields: Fields): ElectionSnapshot {
  if (fields.version !== 1) throw wrong("version");
  if (typeof fields.ran !== "boolean") throw wrong("ran");
  const electorates = list(fields.electorates, "electorates").map((one) =>
    readElectorate(record(one, "electorates")),
  );
  unique(
    electorates.map(({ asn }) => asn),
    "electorates",
  );
  unique(
    electorates.flatMap(({ members }) => members.map(({ peerId }) => peerId)),
    "members",
  );
  return {
    version: 1,
    ran: fields.ran,
    ...("firstCandidateAt" in fields ? { firstCandidateAt: number(fields, "firstCandidateAt") } : {}),
    termFloor: count(fields, "termFloor"),
    evictions: records(fields, "evictions").map((eviction) => ({
      peerId: peerId(eviction.peerId),
      until: number(eviction, "until"),
    })),
    electorates,
  };
}

function readElectorate(fields: Fields): ElectorateSnapshot {
  const asn = count(fields, "asn");
  if (asn < 1 || asn > 0xffffffff) throw wrong("asn");
  const members = records(fields, "members").map((member) => ({
    peerId: peerId(member.peerId),
    source: address(member.source),
    joinedAt: number(member, "joinedAt"),
    openFeeds: count(member, "openFeeds"),
    silentSince: number(member, "silentSince"),
  }));
  const candidates = records(fields, "candidates").map((candidate) => ({
    peerId: peerId(candidate.peerId),
    up: count(candidate, "up"),
    down: count(candidate, "down"),
  }));
  const reports = records(fields, "reports").map((report) => ({
    leader: peerId(report.leader),
    reporter: peerId(report.reporter),
    at: number(report, "at"),
  }));
  const leaders = "leaders" in fields ? list(fields.leaders, "leaders").map(peerId) : undefined;
  const memberIds = new Set(members.map((member) => member.peerId));
  const candidateIds = unique(
    candidates.map((candidate) => candidate.peerId),
    "candidates",
  );
  const leaderIds = unique(leaders ?? [], "leaders");
  if (memberIds.size === 0) throw wrong("members");
  if (![...candidateIds].every((id) => memberIds.has(id))) throw wrong("candidates");
  if (![...leaderIds].every((id) => candidateIds.has(id))) throw wrong("leaders");
  const ranges = "ranges" in fields ? readRanges(fields.ranges, leaderIds) : undefined;
  if (!reports.every(({ leader, reporter }) => leaderIds.has(leader) && memberIds.has(reporter))) {
    throw wrong("reports");
  }
  return {
    asn: asn as Asn,
    term: count(fields, "term"),
    ...(leaders ? { leaders } : {}),
    ...(ranges ? { ranges } : {}),
    members,
    candidates,
    reports,
  };
}

/** Each leader leads a range, and nobody else does. */
function readRanges(value: unknown, leaders: ReadonlySet<PeerId>): PeerId[][] {
  const ranges = list(value, "ranges").map((range) => [
    ...unique(list(range, "ranges").map(peerId), "ranges"),
  ]);
  const leading = new Set(ranges.flat());
  if (ranges.length < 2 || ranges.length > LIMITS.election.rangesMost) throw wrong("ranges");
  if (leading.size !== leaders.size || ![...leading].every((id) => leaders.has(id))) throw wrong("ranges");
  return ranges;
}

function wrong(part: string): CtError {
  return new CtError("CT_ERR_STATE", `not the state of an election: ${part}`);
}

function record(value: unknown, part: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(part);
  return value as Fields;
}

function list(value: unknown, part: string): unknown[] {
  if (!Array.isArray(value)) throw wrong(part);
  return value;
}

function records(fields: Fields, key: string): Fields[] {
  return list(fields[key], key).map((value) => record(value, key));
}

function number(fields: Fields, key: string): number {
  const value = fields[key];
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(key);
  return value;
}

function count(fields: Fields, key: string): number {
  const value = number(fields, key);
  if (!Number.isSafeInteger(value) || value < 0) throw wrong(key);
  return value;
}

function peerId(value: unknown): PeerId {
  if (typeof value !== "string" || !isPeerId(value)) throw wrong("peer id");
  return value;
}

function address(value: unknown): Address {
  const parsed = typeof value === "string" ? parseAddress(value) : undefined;
  if (parsed === undefined) throw wrong("source");
  return parsed;
}

function unique<T>(values: readonly T[], part: string): Set<T> {
  const set = new Set(values);
  if (set.size !== values.length) throw wrong(part);
  return set;
}
