import {
  asBytes,
  asCount,
  asList,
  asText,
  type Bencodable,
  type BencodeDict,
  decodeBencodeDict,
  encodeBencode,
  get,
} from "./bencode.ts";
import { decodeCompact, encodeCompact } from "./compact.ts";
import type { Endpoint } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** The extension's name in the extended handshake (BEP 10). */
export const CT_CACHE = "ct_cache";

/** Why a leader refuses a `leader_start`; on the wire a number, counted from 1. */
export const REFUSALS = [
  "not leading",
  "full",
  "unreachable",
  "same AS",
  "complete",
  "not in this swarm",
  "not my AS",
] as const;

export type Refusal = (typeof REFUSALS)[number];

/** What members of one AS tell each other, less the sender's term. */
export type CtCacheBody =
  /** Follower to leader: open a download-only connection to `dest` for me. */
  | { readonly m: "leader_start"; readonly dest: Endpoint }
  /** The answers: it stands, or why not. */
  | { readonly m: "leader_started"; readonly dest: Endpoint }
  | { readonly m: "leader_refused"; readonly dest: Endpoint; readonly why: Refusal }
  /** Either way: nothing of `dest` is forwarded any more. */
  | { readonly m: "leader_stop"; readonly dest: Endpoint }
  /** Leader to follower: pieces now reachable through me. Bit 0 is piece `from`, a multiple of 8. */
  | { readonly m: "fwd_bitfield"; readonly bits: Uint8Array; readonly from: number }
  | { readonly m: "fwd_have"; readonly pieces: readonly number[] }
  /** Follower to leader, the indirect request: fetch these before others. */
  | { readonly m: "want"; readonly pieces: readonly number[] };

export type CtCacheMessage = CtCacheBody & { readonly term: number };

/** A message of a later version. */
export interface UnknownCtCacheMessage {
  readonly m: "unknown";
  readonly said: string;
  readonly term: number;
}

export function encodeCtCache(message: CtCacheMessage): Uint8Array {
  return encodeBencode({ ...bodyOf(message), m: message.m, t: message.term });
}

function bodyOf(message: CtCacheMessage): { [key: string]: Bencodable | undefined } {
  switch (message.m) {
    case "leader_start":
    case "leader_started":
    case "leader_stop":
      return { dest: encodeCompact([message.dest]) };
    case "leader_refused":
      return { dest: encodeCompact([message.dest]), why: REFUSALS.indexOf(message.why) + 1 };
    case "fwd_bitfield":
      return { bits: message.bits, from: message.from === 0 ? undefined : message.from };
    case "fwd_have":
    case "want":
      return { p: message.pieces };
  }
}

/**
 * Reads the payload of one extension message of a torrent of `pieceCount` pieces. Total: what is malformed, too long or names
 * a piece that does not exist is the error CT_ERR_EXTENSION; a name that this version does not know is no error.
 */
export function decodeCtCache(
  bytes: Uint8Array,
  pieceCount: number,
): Result<CtCacheMessage | UnknownCtCacheMessage> {
  const bounds = { bytes: LIMITS.peer.extensionBytes, items: LIMITS.cache.itemsPerMessage };
  const decoded = decodeBencodeDict(bytes, bounds);
  if (!decoded.ok) return fail("CT_ERR_EXTENSION", `${CT_CACHE}: ${decoded.error.message}`);
  const dict = decoded.value;
  const m = asText(get(dict, "m"));
  const term = asCount(get(dict, "t"));
  if (m === undefined || term === undefined) return malformed("a message without m or t");
  const body = decodeBody(m, dict, pieceCount);
  if (typeof body === "string") return malformed(`${m}: ${body}`);
  return ok(body ? { ...body, term } : { m: "unknown", said: m.slice(0, 64), term });
}

/** The body, what is wrong with it, or undefined for a name of a later version. */
function decodeBody(m: string, dict: BencodeDict, pieceCount: number): CtCacheBody | string | undefined {
  switch (m) {
    case "leader_start":
    case "leader_started":
    case "leader_stop": {
      const dest = decodeDest(dict);
      return dest ? { m, dest } : "no endpoint";
    }
    case "leader_refused": {
      const dest = decodeDest(dict);
      // A reason of a later version is as good as any: it is refused.
      const why = REFUSALS[(asCount(get(dict, "why")) ?? 0) - 1] ?? "unreachable";
      return dest ? { m, dest, why } : "no endpoint";
    }
    case "fwd_bitfield":
      return decodeBits(dict, pieceCount);
    case "fwd_have":
      return decodePieces(m, dict, pieceCount, LIMITS.cache.piecesPerForward);
    case "want":
      return decodePieces(m, dict, pieceCount, LIMITS.cache.piecesPerWant);
    default:
      return undefined;
  }
}

function decodeDest(dict: BencodeDict): Endpoint | undefined {
  const bytes = asBytes(get(dict, "dest"));
  if (bytes?.length !== 6 && bytes?.length !== 18) return undefined;
  const decoded = decodeCompact(bytes, bytes.length === 6 ? "IPv4" : "IPv6");
  const dest = decoded.ok ? decoded.value[0] : undefined;
  return dest && dest.port > 0 ? dest : undefined;
}

function decodeBits(dict: BencodeDict, pieceCount: number): CtCacheBody | string {
  const bits = asBytes(get(dict, "bits"));
  const from = get(dict, "from") === undefined ? 0 : asCount(get(dict, "from"));
  if (!bits || from === undefined || from % 8 !== 0) return "no bits";
  if (bits.length > LIMITS.cache.bitsPerForward) return `${bits.length} bytes of bits`;
  const spare = from + bits.length * 8 - pieceCount;
  if (spare >= 8) return `bits beyond the ${pieceCount} pieces`;
  if (spare > 0 && ((bits.at(-1) ?? 0) & ((1 << spare) - 1)) !== 0) return "spare bits set";
  return { m: "fwd_bitfield", bits, from };
}

function decodePieces(
  m: "fwd_have" | "want",
  dict: BencodeDict,
  pieceCount: number,
  most: number,
): CtCacheBody | string {
  const list = asList(get(dict, "p"));
  if (!list) return "no list of pieces";
  if (list.length > most) return `${list.length} pieces, more than ${most}`;
  const pieces = list.map(asCount).filter((piece) => piece !== undefined && piece < pieceCount);
  if (pieces.length < list.length) return `a piece that is none of ${pieceCount}`;
  return { m, pieces: pieces as number[] };
}

function malformed(what: string): { readonly ok: false; readonly error: ReturnType<typeof fail>["error"] } {
  return fail("CT_ERR_EXTENSION", `${CT_CACHE}: ${what}`);
}
