import { decodeTrackerDict } from "./announce-answer.ts";
import { count, decodeId, decodePeer, type PeerQuery, shown } from "./announce-request.ts";
import { asBytes, encodeBencode, get } from "./bencode.ts";
import { decodeAsns, decodeCompact, encodeAsns, encodeCompact } from "./compact.ts";
import { type CtAnswer, decodeCtAnswer, encodeCtAnswer } from "./ct-answer.ts";
import type { Endpoint } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type Asn, type InfoHash, idBytes, infoHashFromBytes } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { allValues, percentEncode, splitQuery } from "./query.ts";

/** `GET /leaders`, the long poll. */
export interface LeadersQuery extends PeerQuery {
  /** Answer when the electorate's term is above this one. */
  readonly term: number;
}

/** `GET /locate`: in which AS is each endpoint, and did it announce in this swarm? */
export interface LocateQuery extends PeerQuery {
  readonly endpoints: readonly Endpoint[];
}

/** What the tracker knows of one located endpoint. */
export interface Located {
  readonly asn: Asn;
  readonly known: boolean;
}

/** One swarm in a scrape (BEP 48). */
export interface ScrapeEntry {
  readonly complete: number;
  readonly downloaded: number;
  readonly incomplete: number;
}

export function decodeLeadersQuery(query: string): Result<LeadersQuery> {
  const pairs = splitQuery(query);
  const peer = decodePeer(pairs);
  if (!peer.ok) return peer;
  const term = pairs.has("term") ? count(pairs, "term") : 0;
  if (term === undefined) return fail("CT_ERR_ANNOUNCE", `invalid term: ${shown(pairs, "term")}`);
  return ok({ ...peer.value, term });
}

export function encodeLeadersQuery(query: LeadersQuery): string {
  return `${encodePeer(query)}&term=${query.term}`;
}

/** The answer of the long poll is the `ct` dictionary itself. */
export function encodeLeadersAnswer(answer: CtAnswer): Uint8Array {
  return encodeBencode(encodeCtAnswer(answer));
}

export function decodeLeadersAnswer(bytes: Uint8Array): Result<CtAnswer> {
  const dict = decodeTrackerDict(bytes);
  return dict.ok ? decodeCtAnswer(dict.value) : dict;
}

/** `ep` is a comma-separated list of compact endpoints in hex: 12 digits for IPv4, 36 for IPv6. */
export function decodeLocateQuery(query: string): Result<LocateQuery> {
  const pairs = splitQuery(query);
  const peer = decodePeer(pairs);
  if (!peer.ok) return peer;
  const endpoints: Endpoint[] = [];
  for (const hex of (pairs.get("ep") ?? "").split(",")) {
    if (!/^(?:[0-9a-fA-F]{12}|[0-9a-fA-F]{36})$/.test(hex)) {
      return fail("CT_ERR_ANNOUNCE", `invalid ep: ${shown(pairs, "ep")}`);
    }
    const decoded = decodeCompact(Buffer.from(hex, "hex"), hex.length === 12 ? "IPv4" : "IPv6");
    if (decoded.ok) endpoints.push(...decoded.value);
    if (endpoints.length > LIMITS.tracker.locateEndpoints) {
      return fail("CT_ERR_ANNOUNCE", `more than ${LIMITS.tracker.locateEndpoints} endpoints`);
    }
  }
  return ok({ ...peer.value, endpoints });
}

export function encodeLocateQuery(query: LocateQuery): string {
  const hex = query.endpoints.map((endpoint) => Buffer.from(encodeCompact([endpoint])).toString("hex"));
  return `${encodePeer(query)}&ep=${hex.join(",")}`;
}

/** `asns`: 4 bytes an endpoint; `known`: a bit each, most significant first, as in a bitfield. */
export function encodeLocateAnswer(located: readonly Located[]): Uint8Array {
  const known = new Uint8Array(Math.ceil(located.length / 8));
  located.forEach((one, i) => {
    if (one.known) known[i >> 3] = (known[i >> 3] ?? 0) | (0x80 >> (i & 7));
  });
  return encodeBencode({ asns: encodeAsns(located.map((one) => one.asn)), known });
}

/** One entry for each of the `asked` endpoints, in their order. */
export function decodeLocateAnswer(bytes: Uint8Array, asked: number): Result<Located[]> {
  const dict = decodeTrackerDict(bytes);
  if (!dict.ok) return dict;
  const asnBytes = asBytes(get(dict.value, "asns"));
  const known = asBytes(get(dict.value, "known"));
  if (asnBytes?.length !== 4 * asked || known?.length !== Math.ceil(asked / 8)) {
    return fail("CT_ERR_ANSWER", `the answer does not tell of the ${asked} endpoints asked for`);
  }
  const asns = decodeAsns(asnBytes, asked);
  return ok(asns.map((asn, i) => ({ asn, known: ((known[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0 })));
}

/** The info-hashes of a scrape; an empty list is a full scrape. */
export function decodeScrapeQuery(query: string): Result<InfoHash[]> {
  const values = allValues(query, "info_hash");
  if (values.length > LIMITS.tracker.scrapeHashes) {
    return fail("CT_ERR_ANNOUNCE", `more than ${LIMITS.tracker.scrapeHashes} info_hash parameters`);
  }
  const hashes: InfoHash[] = [];
  for (const value of values) {
    const bytes = decodeId(value);
    if (!bytes) return fail("CT_ERR_ANNOUNCE", "invalid info_hash");
    hashes.push(infoHashFromBytes(bytes));
  }
  return ok(hashes);
}

/** Written by hand: the keys of `files` are raw bytes in byte order, which the library cannot write. */
export function encodeScrapeAnswer(entries: ReadonlyMap<InfoHash, ScrapeEntry>): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("d5:filesd")];
  for (const infoHash of [...entries.keys()].sort()) {
    const entry = entries.get(infoHash);
    if (entry) parts.push(Buffer.from("20:"), idBytes(infoHash), encodeBencode({ ...entry }));
  }
  parts.push(Buffer.from("ee"));
  return Buffer.concat(parts);
}

function encodePeer(query: PeerQuery): string {
  return `info_hash=${percentEncode(idBytes(query.infoHash))}&peer_id=${percentEncode(idBytes(query.peerId))}`;
}
