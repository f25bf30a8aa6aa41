import {
  asBytes,
  asCount,
  asDict,
  asList,
  asText,
  type Bencodable,
  type BencodeDict,
  get,
} from "./bencode.ts";
import { type Endpoint, parseAddress } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type Asn, idBytes, type PeerId, peerIdFromBytes } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import {
  DEFAULT_EXTERNAL_PERCENT,
  DEFAULT_FETCHERS,
  DEFAULT_RANGES,
  DEFAULT_RELIEF,
  FETCHERS,
  type LeadersPolicy,
  type ToldPolicy,
} from "./policy.ts";

/** A leader as the tracker tells of it; capacities are bytes/s. */
export interface LeaderEntry {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly up: number;
  readonly down: number;
  /** The range of pieces it leads, from 0, under policies that have ranges. Who leads several has an entry for each. */
  readonly range?: number;
}

/** The standing result of an electorate, in order of seniority: head, standby, then others. With ranges, one after the other. */
export interface Leaders {
  readonly term: number;
  readonly leaders: readonly LeaderEntry[];
}

/** An AS of the swarm, as the tracker tells of it under `coordinated`. */
export interface SwarmAs {
  readonly asn: Asn;
  /** The declared upload capacity of its members together, bytes/s. */
  readonly up: number;
  /** Did a peer of it come with the whole content: an initial seed? */
  readonly isOrigin: boolean;
}

/** The `ct` dictionary: what a member finds in an announce answer, and what the leaders' long poll answers. */
export interface CtAnswer {
  /** The asking peer's AS; absent when unknown. */
  readonly asn?: Asn;
  readonly policy: ToldPolicy;
  /** Absent before the first election of this electorate. */
  readonly leaders?: Leaders;
  /** The ASes of the swarm with the most upload capacity, most first; under `coordinated` only. */
  readonly ases?: readonly SwarmAs[];
}

/** The bencodable form; lists of ASNs are added by the announce answer, whose peers they belong to. */
export function encodeCtAnswer(answer: CtAnswer): { [key: string]: Bencodable | undefined } {
  return {
    ases: answer.ases?.map(encodeAs),
    asn: answer.asn,
    leaders: answer.leaders?.leaders.map(encodeLeader),
    policy: encodePolicy(answer.policy),
    term: answer.leaders?.term,
    v: 1,
  };
}

/** Unknown keys are ignored; a list longer than any tracker sends is refused. */
export function decodeCtAnswer(dict: BencodeDict): Result<CtAnswer> {
  if (asCount(get(dict, "v")) === undefined) return fail("CT_ERR_ANSWER", "ct has no version");
  const asn = asCount(get(dict, "asn"));
  const policy = decodePolicy(asDict(get(dict, "policy")));
  const term = asCount(get(dict, "term"));
  const list = asList(get(dict, "leaders"));
  if (list && list.length > 4 * LIMITS.tracker.leadersListed) {
    return fail("CT_ERR_ANSWER", `ct lists ${list.length} leaders`);
  }
  const leaders = list?.map((item) => decodeLeader(asDict(item) ?? {}));
  if (leaders?.some((leader) => leader === undefined))
    return fail("CT_ERR_ANSWER", "ct has a malformed leader");
  const listedAses = asList(get(dict, "ases"));
  if (listedAses && listedAses.length > LIMITS.tracker.asesListed) {
    return fail("CT_ERR_ANSWER", `ct lists ${listedAses.length} ASes`);
  }
  const ases = listedAses?.map((item) => decodeAs(asDict(item) ?? {}));
  if (ases?.some((one) => one === undefined)) return fail("CT_ERR_ANSWER", "ct has a malformed AS");
  return ok({
    ...(isKnownAsn(asn) ? { asn } : {}),
    policy,
    ...(leaders && term !== undefined
      ? { leaders: { term, leaders: leaders.filter((leader) => leader !== undefined) } }
      : {}),
    ...(ases ? { ases: ases.filter((one) => one !== undefined) } : {}),
  });
}

function encodeLeader(leader: LeaderEntry): { [key: string]: Bencodable | undefined } {
  return {
    down: leader.down,
    id: idBytes(leader.peerId),
    ip: leader.endpoint.address,
    port: leader.endpoint.port,
    range: leader.range,
    up: leader.up,
  };
}

function decodeLeader(dict: BencodeDict): LeaderEntry | undefined {
  const id = asBytes(get(dict, "id"));
  const address = parseAddress(asText(get(dict, "ip")) ?? "");
  const port = asCount(get(dict, "port"));
  if (id?.length !== 20 || !address || port === undefined || port < 1 || port > 65535) return undefined;
  const range = asCount(get(dict, "range"));
  if (range !== undefined && range >= LIMITS.election.rangesMost) return undefined;
  return {
    peerId: peerIdFromBytes(id),
    endpoint: { address, port },
    up: asCount(get(dict, "up")) ?? 0,
    down: asCount(get(dict, "down")) ?? 0,
    ...(range === undefined ? {} : { range }),
  };
}

function encodeAs({ asn, isOrigin, up }: SwarmAs): { [key: string]: Bencodable | undefined } {
  return { asn, origin: isOrigin ? 1 : undefined, up };
}

function decodeAs(dict: BencodeDict): SwarmAs | undefined {
  const asn = asCount(get(dict, "asn"));
  const up = asCount(get(dict, "up"));
  if (!isKnownAsn(asn) || up === undefined) return undefined;
  return { asn, up, isOrigin: asCount(get(dict, "origin")) === 1 };
}

function isKnownAsn(asn: number | undefined): asn is Asn {
  return asn !== undefined && asn > 0 && asn <= 0xffffffff;
}

function encodePolicy(policy: ToldPolicy): { [key: string]: Bencodable | undefined } {
  switch (policy.name) {
    case "bittorrent":
      return { name: policy.name };
    case "biased":
      return { "external percent": policy.externalPercent, name: policy.name };
    case "cache":
    case "multi":
    case "coordinated":
      return {
        "deadline ms": Math.round(policy.deadlineMs),
        "external percent": policy.externalPercent,
        fetchers: policy.name === "coordinated" ? policy.fetchers : undefined,
        "leader percent": policy.leaderPercent,
        name: policy.name,
        ranges: policy.name === "multi" ? policy.ranges : undefined,
        // Bencode has no fractions.
        "relief percent": policy.name === "coordinated" ? Math.round(policy.relief * 100) : undefined,
      };
    case "unknown":
      return { name: policy.said };
  }
}

function decodePolicy(dict: BencodeDict = {}): ToldPolicy {
  const said = asText(get(dict, "name")) ?? "";
  const externalPercent = boundedCount(dict, "external percent", 0, 100);
  switch (said) {
    case "bittorrent":
      return { name: said };
    case "biased":
      return { name: said, externalPercent: externalPercent ?? DEFAULT_EXTERNAL_PERCENT };
    case "cache":
      return { name: said, ...decodeLeadersPolicy(dict, externalPercent) };
    case "multi": {
      const ranges = boundedCount(dict, "ranges", 1, LIMITS.election.rangesMost) ?? DEFAULT_RANGES;
      return { name: said, ranges, ...decodeLeadersPolicy(dict, externalPercent) };
    }
    case "coordinated": {
      const fetchers = FETCHERS.find((one) => one === asText(get(dict, "fetchers"))) ?? DEFAULT_FETCHERS;
      const percent = boundedCount(dict, "relief percent", 100, 100 * LIMITS.claims.reliefMost);
      const relief = percent === undefined ? DEFAULT_RELIEF : percent / 100;
      return { name: said, fetchers, relief, ...decodeLeadersPolicy(dict, externalPercent) };
    }
    default:
      return { name: "unknown", said: said.slice(0, 64) };
  }
}

function decodeLeadersPolicy(dict: BencodeDict, externalPercent: number | undefined): LeadersPolicy {
  const { deadlineMs, leaderPercent } = LIMITS.election;
  return {
    deadlineMs: boundedCount(dict, "deadline ms", 0, LONGEST_DEADLINE_MS) ?? deadlineMs,
    leaderPercent: boundedCount(dict, "leader percent", 1, 100) ?? leaderPercent,
    ...(externalPercent === undefined ? {} : { externalPercent }),
  };
}

const LONGEST_DEADLINE_MS = 86_400_000;

/** The count under the key, brought within the bounds; undefined when there is none. */
function boundedCount(dict: BencodeDict, key: string, least: number, most: number): number | undefined {
  const value = asCount(get(dict, key));
  return value === undefined ? undefined : Math.min(Math.max(value, least), most);
}
