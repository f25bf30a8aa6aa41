import {
  asBytes,
  asCount,
  asDict,
  asList,
  asText,
  type Bencodable,
  type BencodeDict,
  decodeBencodeDict,
  encodeBencode,
  get,
} from "./bencode.ts";
import { decodeAsns, decodeCompact, encodeAsns, encodeCompact } from "./compact.ts";
import { type CtAnswer, decodeCtAnswer, encodeCtAnswer } from "./ct-answer.ts";
import { type Endpoint, isIPv6, parseAddress } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type Asn, idBytes, type PeerId, peerIdFromBytes, UNKNOWN_ASN } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/** One entry of a peer list: where, and in which AS. */
export interface PeerEntry {
  readonly endpoint: Endpoint;
  readonly asn: Asn;
  readonly peerId?: PeerId;
}

/** The answer to an announce. Intervals are seconds. */
export interface AnnounceAnswer {
  readonly interval: number;
  readonly minInterval?: number;
  /** Peers with and without the whole content. */
  readonly complete: number;
  readonly incomplete: number;
  readonly peers: readonly PeerEntry[];
  readonly warning?: string;
  /** Only for members. */
  readonly ct?: CtAnswer;
}

/** Encodes an answer with compact lists (BEP 23, BEP 7) or, for `compact: false`, with dictionaries. */
export function encodeAnnounceAnswer(
  answer: AnnounceAnswer,
  form: { readonly compact: boolean; readonly noPeerId?: boolean },
): Uint8Array {
  const ipv4 = answer.peers.filter((peer) => !isIPv6(peer.endpoint.address));
  const ipv6 = answer.peers.filter((peer) => isIPv6(peer.endpoint.address));
  const lists = form.compact
    ? {
        peers: encodeCompact(ipv4.map((peer) => peer.endpoint)),
        peers6: ipv6.length > 0 ? encodeCompact(ipv6.map((peer) => peer.endpoint)) : undefined,
      }
    : { peers: answer.peers.map((peer) => dictEntry(peer, form.noPeerId === true, answer.ct !== undefined)) };
  const asns = form.compact
    ? {
        asns: encodeAsns(ipv4.map((peer) => peer.asn)),
        asns6: ipv6.length > 0 ? encodeAsns(ipv6.map((peer) => peer.asn)) : undefined,
      }
    : {};
  return encodeBencode({
    complete: answer.complete,
    ct: answer.ct ? { ...encodeCtAnswer(answer.ct), ...asns } : undefined,
    incomplete: answer.incomplete,
    interval: answer.interval,
    "min interval": answer.minInterval,
    ...lists,
    "warning message": answer.warning,
  });
}

/** All failures travel as HTTP 200 with this body (BEP 3). */
export function encodeFailure(reason: string): Uint8Array {
  return encodeBencode({ "failure reason": reason });
}

/** Decodes what a tracker answered; a `failure reason` is the error CT_ERR_TRACKER_FAILURE with that text. */
export function decodeAnnounceAnswer(bytes: Uint8Array): Result<AnnounceAnswer> {
  const dict = decodeTrackerDict(bytes);
  if (!dict.ok) return dict;
  const interval = asCount(get(dict.value, "interval"));
  if (interval === undefined) return fail("CT_ERR_ANSWER", "the answer has no interval");
  const ctDict = asDict(get(dict.value, "ct"));
  const peers = decodePeers(dict.value, ctDict);
  if (!peers.ok) return peers;
  const ct = ctDict ? decodeCtAnswer(ctDict) : undefined;
  if (ct && !ct.ok) return ct;
  const minInterval = asCount(get(dict.value, "min interval"));
  const warning = asText(get(dict.value, "warning message"))?.slice(0, 500);
  return ok({
    interval,
    ...(minInterval !== undefined ? { minInterval } : {}),
    complete: asCount(get(dict.value, "complete")) ?? 0,
    incomplete: asCount(get(dict.value, "incomplete")) ?? 0,
    peers: peers.value,
    ...(warning !== undefined ? { warning } : {}),
    ...(ct ? { ct: ct.value } : {}),
  });
}

/** What `decodeAnnounceAnswer`, `leaders` and `locate` have in common: a dictionary, or the tracker's refusal. */
export function decodeTrackerDict(bytes: Uint8Array): Result<BencodeDict> {
  const dict = decodeBencodeDict(bytes, { bytes: LIMITS.bencode.answerBytes });
  if (!dict.ok) return fail("CT_ERR_ANSWER", dict.error.message);
  const failure = asText(get(dict.value, "failure reason"));
  return failure === undefined ? dict : fail("CT_ERR_TRACKER_FAILURE", failure.slice(0, 500));
}

function dictEntry(
  peer: PeerEntry,
  noPeerId: boolean,
  withAsn: boolean,
): { [key: string]: Bencodable | undefined } {
  return {
    asn: withAsn ? peer.asn : undefined,
    ip: peer.endpoint.address,
    "peer id": noPeerId || !peer.peerId ? undefined : idBytes(peer.peerId),
    port: peer.endpoint.port,
  };
}

function decodePeers(dict: BencodeDict, ct: BencodeDict | undefined): Result<PeerEntry[]> {
  const entries: PeerEntry[] = [];
  const list = asList(get(dict, "peers"));
  for (const item of list ?? []) {
    const entry = decodeDictEntry(asDict(item) ?? {});
    if (entry) entries.push(entry);
  }
  for (const family of ["IPv4", "IPv6"] as const) {
    const bytes = asBytes(get(dict, family === "IPv4" ? "peers" : "peers6"));
    if (!bytes) continue;
    const endpoints = decodeCompact(bytes, family);
    if (!endpoints.ok) return endpoints;
    const asnBytes = ct ? asBytes(get(ct, family === "IPv4" ? "asns" : "asns6")) : undefined;
    const asns = decodeAsns(asnBytes ?? new Uint8Array(), endpoints.value.length);
    endpoints.value.forEach((endpoint, i) => {
      if (endpoint.port > 0) entries.push({ endpoint, asn: asns[i] ?? UNKNOWN_ASN });
    });
  }
  return ok(entries);
}

/** Entries that name no literal address (some trackers hand out host names) are left out. */
function decodeDictEntry(entry: BencodeDict): PeerEntry | undefined {
  const address = parseAddress(asText(get(entry, "ip")) ?? "");
  const port = asCount(get(entry, "port"));
  if (!address || port === undefined || port < 1 || port > 65535) return undefined;
  const id = asBytes(get(entry, "peer id"));
  return {
    endpoint: { address, port },
    asn: decodeAsn(get(entry, "asn")),
    ...(id?.length === 20 ? { peerId: peerIdFromBytes(id) } : {}),
  };
}

function decodeAsn(value: BencodeDict[string] | undefined): Asn {
  const asn = asCount(value);
  return asn !== undefined && asn <= 0xffffffff ? (asn as Asn) : UNKNOWN_ASN;
}
