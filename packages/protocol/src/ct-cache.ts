import { asCount, asText, type BencodeDict, decodeBencodeDict, encodeBencode, get } from "./bencode.ts";
import { type ClaimMessage, decodeClaimMessage, encodeClaimMessage } from "./claim-messages.ts";
import { fail, ok, type Result } from "./errors.ts";
import { decodeLeaderMessage, encodeLeaderMessage, type LeaderMessage } from "./leader-messages.ts";
import { LIMITS } from "./limits.ts";

/** The extension's name in the extended handshake (BEP 10). */
export const CT_CACHE = "ct_cache";

/** What members of one AS tell each other, less the sender's term. */
export type CtCacheBody = LeaderMessage | ClaimMessage;

export type CtCacheMessage = CtCacheBody & { readonly term: number };

/** A message of a later version. */
export interface UnknownCtCacheMessage {
  readonly m: "unknown";
  readonly said: string;
  readonly term: number;
}

export function encodeCtCache(message: CtCacheMessage): Uint8Array {
  const m = message.m === "taken_map" ? "taken" : message.m;
  const body = isLeaderMessage(message) ? encodeLeaderMessage(message) : encodeClaimMessage(message);
  return encodeBencode({ ...body, m, t: message.term });
}

/** Is it one of those between leaders and followers, or else between members and their head? */
export function isLeaderMessage(body: CtCacheBody): body is LeaderMessage {
  switch (body.m) {
    case "leader_start":
    case "leader_started":
    case "leader_refused":
    case "leader_stop":
    case "fwd_bitfield":
    case "fwd_have":
    case "want":
      return true;
    default:
      return false;
  }
}

export function isClaimMessage(body: CtCacheBody): body is ClaimMessage {
  return !isLeaderMessage(body);
}

/**
 * Reads the payload of one extension message of a torrent of `pieceCount` pieces; infinite where that is not known. Total: what is
 * malformed, too long or names a piece that does not exist is the error CT_ERR_EXTENSION; a name that this version does not know is no
 * error.
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
  return decodeLeaderMessage(m, dict, pieceCount) ?? decodeClaimMessage(m, dict, pieceCount);
}

function malformed(what: string): { readonly ok: false; readonly error: ReturnType<typeof fail>["error"] } {
  return fail("CT_ERR_EXTENSION", `${CT_CACHE}: ${what}`);
}
