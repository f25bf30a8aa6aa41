import {
  type Address,
  type Endpoint,
  formatEndpoint,
  isIPv6,
  parseAddress,
  parseEndpoint,
} from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type InfoHash, idBytes, infoHashFromBytes, type PeerId, peerIdFromBytes } from "./ids.ts";
import { LIMITS } from "./limits.ts";
import { percentDecode, percentEncode, splitQuery } from "./query.ts";

export type AnnounceEvent = "started" | "completed" | "stopped";

/** What a member adds to its announces (`ct=1`). Byte counts are reported values. */
export interface MemberAnnounce {
  /** The Candidate: capacity in bytes/s. Absent with `--no-candidate`. */
  readonly capacity?: { readonly up: number; readonly down: number };
  /** The newest term it knows, 0 for none. */
  readonly term: number;
  /** Payload bytes downloaded so far from other ASes and from its own. */
  readonly externalBytes: number;
  readonly internalBytes: number;
  /** Its endpoint inside a NAT'd site. */
  readonly local?: Endpoint;
  /** The leader this announce reports as stalled. */
  readonly stalled?: PeerId;
}

/** `GET /announce` (BEP 3, 7, 23), decoded. */
export interface AnnounceRequest {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly port: number;
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly event?: AnnounceEvent;
  readonly numwant?: number;
  /** Compact lists are the default of today's trackers; `compact=0` asks for dictionaries. */
  readonly compact: boolean;
  readonly noPeerId: boolean;
  /** The address the peer claims (`ip=`); counts only from a trusted network. */
  readonly claimedAddress?: Address;
  /** Of the other family than the announce itself, with the same port (`ipv4=`, `ipv6=`; BEP 7). A claim, as `ip=` is. */
  readonly otherAddress?: Address;
  /** Opaque: lower-case hex of the raw bytes. */
  readonly key?: string;
  readonly member?: MemberAnnounce;
}

/** The peer an announce URL's path names, for `leaders` and `locate`. */
export interface PeerQuery {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
}

/** Parses the raw query of an announce URL: what stands after `?`, still percent-encoded. */
export function decodeAnnounceRequest(query: string): Result<AnnounceRequest> {
  const pairs = splitQuery(query);
  const peer = decodePeer(pairs);
  if (!peer.ok) return peer;
  // Port 0 listens nowhere: legal when stopping, useless in a peer list.
  const port = count(pairs, "port");
  if (port === undefined || port > 65535) {
    return fail("CT_ERR_ANNOUNCE", `invalid port: ${shown(pairs, "port")}`);
  }
  const event = pairs.get("event");
  if (event !== undefined && event !== "" && !isEvent(event) && event !== "paused" && event !== "empty") {
    return fail("CT_ERR_ANNOUNCE", `unknown event: ${shown(pairs, "event")}`);
  }
  // Whether a peer is complete is told by `left` alone, so that its absence must not be taken for 0.
  const left = count(pairs, "left");
  if (left === undefined) return fail("CT_ERR_ANNOUNCE", `invalid left: ${shown(pairs, "left")}`);
  const numwant = count(pairs, "numwant");
  const key = decodeKey(pairs.get("key"));
  const claimedAddress = parseAddress(decodeText(pairs.get("ip")) ?? "");
  const downloaded = count(pairs, "downloaded") ?? 0;
  const otherAddress = decodeOther(pairs, "ipv6") ?? decodeOther(pairs, "ipv4");
  const member = pairs.get("ct") === "1" ? decodeMember(pairs, downloaded) : ok(undefined);
  if (!member.ok) return member;
  return ok({
    ...peer.value,
    port,
    uploaded: count(pairs, "uploaded") ?? 0,
    downloaded,
    left,
    ...(event !== undefined && isEvent(event) ? { event } : {}),
    ...(numwant !== undefined ? { numwant } : {}),
    compact: pairs.get("compact") !== "0",
    noPeerId: pairs.get("no_peer_id") === "1",
    ...(claimedAddress ? { claimedAddress } : {}),
    ...(otherAddress ? { otherAddress } : {}),
    ...(key !== undefined ? { key } : {}),
    ...(member.value ? { member: member.value } : {}),
  });
}

/** The inverse of `decodeAnnounceRequest`. */
export function encodeAnnounceRequest(request: AnnounceRequest): string {
  const { member, otherAddress } = request;
  const pairs: (readonly [string, string | number | undefined])[] = [
    ["info_hash", percentEncode(idBytes(request.infoHash))],
    ["peer_id", percentEncode(idBytes(request.peerId))],
    ["port", request.port],
    ["uploaded", request.uploaded],
    ["downloaded", request.downloaded],
    ["left", request.left],
    ["event", request.event],
    ["numwant", request.numwant],
    ["compact", request.compact ? 1 : 0],
    ["no_peer_id", request.noPeerId ? 1 : undefined],
    ["ip", request.claimedAddress],
    [
      otherAddress && isIPv6(otherAddress) ? "ipv6" : "ipv4",
      otherAddress && encodeURIComponent(otherAddress),
    ],
    ["key", request.key === undefined ? undefined : percentEncode(Buffer.from(request.key, "hex"))],
    ["ct", member ? 1 : undefined],
    ["ct_up", member?.capacity?.up],
    ["ct_down", member?.capacity?.down],
    ["ct_term", member?.term],
    ["ct_ext", member?.externalBytes],
    ["ct_int", member?.internalBytes],
    ["ct_local", member?.local ? encodeURIComponent(formatEndpoint(member.local)) : undefined],
    ["ct_stalled", member?.stalled ? percentEncode(idBytes(member.stalled)) : undefined],
  ];
  return pairs
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join("&");
}

/** `info_hash` and `peer_id` of any request that carries both. */
export function decodePeer(pairs: ReadonlyMap<string, string>): Result<PeerQuery> {
  const infoHash = decodeId(pairs.get("info_hash"));
  if (!infoHash) return fail("CT_ERR_ANNOUNCE", `invalid info_hash: ${shown(pairs, "info_hash")}`);
  const peerId = decodeId(pairs.get("peer_id"));
  if (!peerId) return fail("CT_ERR_ANNOUNCE", `invalid peer_id: ${shown(pairs, "peer_id")}`);
  return ok({ infoHash: infoHashFromBytes(infoHash), peerId: peerIdFromBytes(peerId) });
}

/** A percent-encoded 20-byte id. */
export function decodeId(value: string | undefined): Uint8Array | undefined {
  if (value === undefined || value.length > 60) return undefined;
  const bytes = percentDecode(value);
  return bytes?.length === 20 ? bytes : undefined;
}

/**
 * A decimal integer in [0, 2^53), or undefined. Greater ones are clipped: clients that don't know the size yet send
 * a `left` of 2^63 - 1 or 2^64 - 1.
 */
export function count(pairs: ReadonlyMap<string, string>, key: string): number | undefined {
  const text = pairs.get(key);
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

/** A parameter as an error may show it: short, and never markup or control characters. */
export function shown(pairs: ReadonlyMap<string, string>, key: string): string {
  const value = pairs.get(key);
  return value === undefined ? "missing" : value.slice(0, 64).replaceAll(/[^\w%.:+-]/g, "?");
}

function decodeMember(pairs: ReadonlyMap<string, string>, downloaded: number): Result<MemberAnnounce> {
  const up = count(pairs, "ct_up");
  const down = count(pairs, "ct_down");
  for (const key of ["ct_up", "ct_down", "ct_term", "ct_ext", "ct_int"]) {
    if (pairs.has(key) && count(pairs, key) === undefined) {
      return fail("CT_ERR_ANNOUNCE", `invalid ${key}: ${shown(pairs, key)}`);
    }
  }
  if ((up === undefined) !== (down === undefined)) {
    return fail("CT_ERR_ANNOUNCE", "ct_up and ct_down go together");
  }
  const local = pairs.has("ct_local") ? parseEndpoint(decodeText(pairs.get("ct_local")) ?? "") : undefined;
  if (local && !local.ok) return fail("CT_ERR_ANNOUNCE", `invalid ct_local: ${shown(pairs, "ct_local")}`);
  const stalled = pairs.has("ct_stalled") ? decodeId(pairs.get("ct_stalled")) : undefined;
  if (pairs.has("ct_stalled") && !stalled) {
    return fail("CT_ERR_ANNOUNCE", `invalid ct_stalled: ${shown(pairs, "ct_stalled")}`);
  }
  const most = LIMITS.election.capacityMost;
  // Reported values, clipped so that a liar can at most claim what it says it downloaded.
  const externalBytes = Math.min(count(pairs, "ct_ext") ?? 0, downloaded);
  return ok({
    ...(up !== undefined && down !== undefined
      ? { capacity: { up: Math.min(up, most), down: Math.min(down, most) } }
      : {}),
    term: count(pairs, "ct_term") ?? 0,
    externalBytes,
    internalBytes: Math.min(count(pairs, "ct_int") ?? 0, downloaded - externalBytes),
    ...(local ? { local: local.value } : {}),
    ...(stalled ? { stalled: peerIdFromBytes(stalled) } : {}),
  });
}

/** BEP 7 lets it be an address, or an endpoint. */
function decodeOther(pairs: ReadonlyMap<string, string>, key: "ipv4" | "ipv6"): Address | undefined {
  const text = decodeText(pairs.get(key)) ?? "";
  const endpoint = parseEndpoint(text);
  const address = parseAddress(text) ?? (endpoint.ok ? endpoint.value.address : undefined);
  return address && isIPv6(address) === (key === "ipv6") ? address : undefined;
}

function decodeKey(value: string | undefined): string | undefined {
  if (value === undefined || value === "" || value.length > 3 * LIMITS.tracker.keyBytesMost) return undefined;
  const bytes = percentDecode(value);
  return bytes && bytes.length <= LIMITS.tracker.keyBytesMost
    ? Buffer.from(bytes).toString("hex")
    : undefined;
}

function decodeText(value: string | undefined): string | undefined {
  const bytes = value === undefined || value.length > 200 ? undefined : percentDecode(value);
  return bytes ? Buffer.from(bytes).toString("latin1") : undefined;
}

function isEvent(text: string): text is AnnounceEvent {
  return text === "started" || text === "completed" || text === "stopped";
}
