import { asCount, type Bencodable, type BencodeDict, get } from "./bencode.ts";
import { encodeBits, encodeEndpoint, readBits, readEndpoint, readPieces } from "./ct-fields.ts";
import type { Endpoint } from "./endpoint.ts";
import { LIMITS } from "./limits.ts";

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

/** Between leaders and followers, under `cache` and `multi`. */
export type LeaderMessage =
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

export function encodeLeaderMessage(message: LeaderMessage): { [key: string]: Bencodable | undefined } {
  switch (message.m) {
    case "leader_start":
    case "leader_started":
    case "leader_stop":
      return { dest: encodeEndpoint(message.dest) };
    case "leader_refused":
      return { dest: encodeEndpoint(message.dest), why: REFUSALS.indexOf(message.why) + 1 };
    case "fwd_bitfield":
      return encodeBits(message);
    case "fwd_have":
    case "want":
      return { p: message.pieces };
  }
}

/** The message, what is wrong with it, or undefined if its name is none of these. */
export function decodeLeaderMessage(
  m: string,
  dict: BencodeDict,
  pieceCount: number,
): LeaderMessage | string | undefined {
  switch (m) {
    case "leader_start":
    case "leader_started":
    case "leader_stop": {
      const dest = readEndpoint(get(dict, "dest"));
      return dest ? { m, dest } : "no endpoint";
    }
    case "leader_refused": {
      const dest = readEndpoint(get(dict, "dest"));
      // A reason of a later version is as good as any: it is refused.
      const why = REFUSALS[(asCount(get(dict, "why")) ?? 0) - 1] ?? "unreachable";
      return dest ? { m, dest, why } : "no endpoint";
    }
    case "fwd_bitfield": {
      const part = readBits(dict, pieceCount, LIMITS.cache.bitsPerForward);
      return typeof part === "string" ? part : { m, ...part };
    }
    case "fwd_have":
    case "want": {
      const { piecesPerForward, piecesPerWant } = LIMITS.cache;
      const pieces = readPieces(dict, pieceCount, m === "want" ? piecesPerWant : piecesPerForward);
      return typeof pieces === "string" ? pieces : { m, pieces };
    }
    default:
      return undefined;
  }
}
