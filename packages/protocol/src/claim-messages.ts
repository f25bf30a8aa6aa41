import { asBytes, asCount, asList, type Bencodable, type BencodeDict, get } from "./bencode.ts";
import {
  encodeBits,
  encodeEndpoint,
  hasSpareBits,
  readBits,
  readEndpoint,
  readEndpoints,
  readPiece,
  readPieces,
} from "./ct-fields.ts";
import type { Endpoint } from "./endpoint.ts";
import { idBytes, type PeerId, peerIdFromBytes } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/** Why a head denies a claim; on the wire a number, counted from 1. */
export const DENY_REASONS = ["held", "claimed", "not head", "slow", "window"] as const;

export type DenyReason = (typeof DENY_REASONS)[number];

/** Why a member gives a claim up; on the wire a number, counted from 1. */
export const RELEASE_REASONS = ["choked", "stalled", "bad data", "leaving"] as const;

export type ReleaseReason = (typeof RELEASE_REASONS)[number];

/** Between the members of an AS and their head, under `coordinated`. `q` is the asker's number, which the answer repeats. */
export type ClaimMessage =
  /** Member to head: may I fetch up to `n` of these from that neighbour? Best first; `up` is the declared upload capacity, bytes/s. */
  | {
      readonly m: "claim";
      readonly q: number;
      readonly pieces: readonly number[];
      readonly n: number;
      readonly from: Endpoint;
      readonly up: number;
    }
  /** Head to member: exactly one of these two answers a claim. */
  | { readonly m: "grant"; readonly q: number; readonly pieces: readonly number[]; readonly ttlMs: number }
  | {
      readonly m: "deny";
      readonly q: number;
      readonly why: DenyReason;
      /** What is held or claimed in the AS: the map of all pieces, as in BEP 3. Not sent when it is too long for a message. */
      readonly taken?: Uint8Array;
      /** Who is head, as far as it is known. */
      readonly head?: PeerId;
    }
  /** Head to members: pieces held or claimed since the last one. */
  | { readonly m: "taken"; readonly pieces: readonly number[] }
  /** The same as a map, in parts; on the wire a `taken`. Bit 0 is piece `from`, a multiple of 8. */
  | { readonly m: "taken_map"; readonly bits: Uint8Array; readonly from: number }
  /** Member to head: bytes flow, these grants are in use or queued. */
  | { readonly m: "renew"; readonly pieces: readonly number[] }
  /** Head to member: stop requesting it. */
  | { readonly m: "revoke"; readonly piece: number }
  /** Member to head: I gave up. */
  | { readonly m: "release"; readonly piece: number; readonly why: ReleaseReason; readonly from: Endpoint }
  /** Member to a new head: the claims that I hold, and how long each is still good. */
  | { readonly m: "open"; readonly pieces: readonly number[]; readonly ttlsMs: readonly number[] }
  /** Member to head, and back: who in our AS holds it, other than those? */
  | { readonly m: "where"; readonly q: number; readonly piece: number; readonly not: readonly Endpoint[] }
  | {
      readonly m: "holders";
      readonly q: number;
      readonly piece: number;
      readonly endpoints: readonly Endpoint[];
    };

const { bitsPerMessage, candidates, endpointsExcepted, holdersMost, piecesPerMessage, ttlMostMs } =
  LIMITS.claims;

export function encodeClaimMessage(message: ClaimMessage): { [key: string]: Bencodable | undefined } {
  switch (message.m) {
    case "claim": {
      const { from, n, pieces, q, up } = message;
      return { from: encodeEndpoint(from), n, p: pieces, q, up: Math.round(up) };
    }
    case "grant":
      return { p: message.pieces, q: message.q, ttl: Math.round(message.ttlMs) };
    case "deny": {
      const { head, q, taken, why } = message;
      return {
        head: head === undefined ? undefined : idBytes(head),
        q,
        taken: taken && taken.length <= bitsPerMessage ? taken : undefined,
        why: DENY_REASONS.indexOf(why) + 1,
      };
    }
    case "taken":
    case "renew":
      return { p: message.pieces };
    case "taken_map":
      return encodeBits(message);
    case "revoke":
      return { p: message.piece };
    case "release": {
      const { from, piece, why } = message;
      return { from: encodeEndpoint(from), p: piece, why: RELEASE_REASONS.indexOf(why) + 1 };
    }
    case "open":
      return { p: message.pieces, ttl: message.ttlsMs.map(Math.round) };
    case "where":
      return { not: message.not.map(encodeEndpoint), p: message.piece, q: message.q };
    case "holders":
      return { eps: message.endpoints.map(encodeEndpoint), p: message.piece, q: message.q };
  }
}

/**
 * The message, what is wrong with it, or undefined if its name is none of these. `pieceCount` is infinite where it is not known
 * how many pieces there are.
 */
export function decodeClaimMessage(
  m: string,
  dict: BencodeDict,
  pieceCount: number,
): ClaimMessage | string | undefined {
  switch (m) {
    case "claim":
      return decodeClaim(dict, pieceCount);
    case "grant": {
      const q = asCount(get(dict, "q"));
      const pieces = readPieces(dict, pieceCount, candidates);
      const ttlMs = readTtl(get(dict, "ttl"));
      if (q === undefined || ttlMs === undefined) return "no q or ttl";
      return typeof pieces === "string" ? pieces : { m, q, pieces, ttlMs };
    }
    case "deny":
      return decodeDeny(dict, pieceCount);
    case "taken": {
      if (get(dict, "p") === undefined) {
        const part = readBits(dict, pieceCount, bitsPerMessage);
        return typeof part === "string" ? part : { m: "taken_map", ...part };
      }
      const pieces = readPieces(dict, pieceCount, piecesPerMessage);
      return typeof pieces === "string" ? pieces : { m, pieces };
    }
    case "renew": {
      const pieces = readPieces(dict, pieceCount, piecesPerMessage);
      return typeof pieces === "string" ? pieces : { m, pieces };
    }
    case "revoke": {
      const piece = readPiece(dict, pieceCount);
      return typeof piece === "string" ? piece : { m, piece };
    }
    case "release": {
      const piece = readPiece(dict, pieceCount);
      const from = readEndpoint(get(dict, "from"));
      if (typeof piece === "string") return piece;
      // A reason of a later version blames nobody.
      const why = RELEASE_REASONS[(asCount(get(dict, "why")) ?? 0) - 1] ?? "leaving";
      return from ? { m, piece, why, from } : "no endpoint";
    }
    case "open":
      return decodeOpen(dict, pieceCount);
    case "where": {
      const asked = readAsked(dict, pieceCount);
      const not = readEndpoints(dict, "not", endpointsExcepted);
      if (typeof asked === "string") return asked;
      return typeof not === "string" ? not : { m, ...asked, not };
    }
    case "holders": {
      const asked = readAsked(dict, pieceCount);
      const endpoints = readEndpoints(dict, "eps", holdersMost);
      if (typeof asked === "string") return asked;
      return typeof endpoints === "string" ? endpoints : { m, ...asked, endpoints };
    }
    default:
      return undefined;
  }
}

function decodeClaim(dict: BencodeDict, pieceCount: number): ClaimMessage | string {
  const q = asCount(get(dict, "q"));
  const n = asCount(get(dict, "n"));
  const up = asCount(get(dict, "up"));
  const from = readEndpoint(get(dict, "from"));
  const pieces = readPieces(dict, pieceCount, candidates);
  if (q === undefined || !n || up === undefined) return "no q, n or up";
  if (!from) return "no endpoint";
  if (typeof pieces === "string") return pieces;
  const { capacityMost } = LIMITS.election;
  return { m: "claim", q, pieces, n: Math.min(n, candidates), from, up: Math.min(up, capacityMost) };
}

function decodeDeny(dict: BencodeDict, pieceCount: number): ClaimMessage | string {
  const q = asCount(get(dict, "q"));
  if (q === undefined) return "no q";
  // A reason of a later version: not now, and nothing is known of the pieces.
  const why = DENY_REASONS[(asCount(get(dict, "why")) ?? 0) - 1] ?? "window";
  const taken = asBytes(get(dict, "taken"));
  const fault = taken && faultOfMap(taken, pieceCount);
  if (fault !== undefined) return fault;
  const id = asBytes(get(dict, "head"));
  if (id && id.length !== 20) return `a peer id of ${id.length} bytes`;
  return { m: "deny", q, why, ...(taken ? { taken } : {}), ...(id ? { head: peerIdFromBytes(id) } : {}) };
}

function faultOfMap(bits: Uint8Array, pieceCount: number): string | undefined {
  if (bits.length > bitsPerMessage) return `${bits.length} bytes of taken`;
  if (pieceCount === Number.POSITIVE_INFINITY) return undefined;
  if (bits.length !== Math.ceil(pieceCount / 8)) return `taken is no map of ${pieceCount} pieces`;
  return hasSpareBits(bits, bits.length * 8 - pieceCount) ? "spare bits set" : undefined;
}

function decodeOpen(dict: BencodeDict, pieceCount: number): ClaimMessage | string {
  const pieces = readPieces(dict, pieceCount, piecesPerMessage);
  if (typeof pieces === "string") return pieces;
  const ttls = asList(get(dict, "ttl"));
  if (ttls?.length !== pieces.length) return "not a ttl for each piece";
  const ttlsMs = ttls.map(readTtl).filter((ttl) => ttl !== undefined);
  return ttlsMs.length < ttls.length ? "a ttl that is no count" : { m: "open", pieces, ttlsMs };
}

function readAsked(dict: BencodeDict, pieceCount: number): { q: number; piece: number } | string {
  const q = asCount(get(dict, "q"));
  const piece = readPiece(dict, pieceCount);
  if (q === undefined) return "no q";
  return typeof piece === "string" ? piece : { q, piece };
}

/** Milliseconds; more than anybody grants is taken for the most. */
function readTtl(value: Parameters<typeof asCount>[0]): number | undefined {
  const ttlMs = asCount(value);
  return ttlMs === undefined ? undefined : Math.min(ttlMs, ttlMostMs);
}
