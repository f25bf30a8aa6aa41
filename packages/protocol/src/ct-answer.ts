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
import { DEFAULT_EXTERNAL_PERCENT, type Policy } from "./policy.ts";

/** A leader as the tracker tells of it; capacities are bytes/s. */
export interface LeaderEntry {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly up: number;
  readonly down: number;
}

/** The standing result of an electorate, in order of seniority: head, standby, then others. */
export interface Leaders {
  readonly term: number;
  readonly leaders: readonly LeaderEntry[];
}

/** The `ct` dictionary: what a member finds in an announce answer, and what the leaders' long poll answers. */
export interface CtAnswer {
  /** The asking peer's AS; absent when unknown. */
  readonly asn?: Asn;
  /** A policy this version does not know is told by name, with no rule of ours for members. */
  readonly policy: Policy | { readonly name: "unknown"; readonly said: string };
  /** Absent before the first election of this electorate. */
  readonly leaders?: Leaders;
}

/** The bencodable form; lists of ASNs are added by the announce answer, whose peers they belong to. */
export function encodeCtAnswer(answer: CtAnswer): { [key: string]: Bencodable | undefined } {
  return {
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
  return ok({
    ...(asn !== undefined && asn > 0 && asn <= 0xffffffff ? { asn: asn as Asn } : {}),
    policy,
    ...(leaders && term !== undefined
      ? { leaders: { term, leaders: leaders.filter((leader) => leader !== undefined) } }
      : {}),
  });
}

function encodeLeader(leader: LeaderEntry): { [key: string]: Bencodable } {
  return {
    down: leader.down,
    id: idBytes(leader.peerId),
    ip: leader.endpoint.address,
    port: leader.endpoint.port,
    up: leader.up,
  };
}

function decodeLeader(dict: BencodeDict): LeaderEntry | undefined {
  const id = asBytes(get(dict, "id"));
  const address = parseAddress(asText(get(dict, "ip")) ?? "");
  const port = asCount(get(dict, "port"));
  if (id?.length !== 20 || !address || port === undefined || port < 1 || port > 65535) return undefined;
  return {
    peerId: peerIdFromBytes(id),
    endpoint: { address, port },
    up: asCount(get(dict, "up")) ?? 0,
    down: asCount(get(dict, "down")) ?? 0,
  };
}

function encodePolicy(policy: CtAnswer["policy"]): { [key: string]: Bencodable | undefined } {
  return {
    "external percent": policy.name === "biased" ? policy.externalPercent : undefined,
    name: policy.name === "unknown" ? policy.said : policy.name,
  };
}

function decodePolicy(dict: BencodeDict | undefined): CtAnswer["policy"] {
  const said = dict ? (asText(get(dict, "name")) ?? "") : "";
  if (said === "bittorrent") return { name: "bittorrent" };
  if (dict && said === "biased") {
    const percent = asCount(get(dict, "external percent")) ?? DEFAULT_EXTERNAL_PERCENT;
    return { name: "biased", externalPercent: Math.min(percent, 100) };
  }
  return { name: "unknown", said: said.slice(0, 64) };
}
