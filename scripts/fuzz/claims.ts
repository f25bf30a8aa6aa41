import {
  type ClaimMessage,
  DENY_REASONS,
  type Endpoint,
  LIMITS,
  RELEASE_REASONS,
} from "@cachetorrent/protocol";
import type { Dice } from "./dice.ts";
import { anyPeerId } from "./handshakes.ts";
import { nearby } from "./mutate.ts";

/** What messages about claims are made of: some endpoint, and pieces of which one may not exist. */
export interface ClaimParts {
  readonly endpoint: Endpoint;
  readonly pieceCount: number;
  readonly pieces: readonly number[];
}

/** A message between a member and its head, within its bounds or a little beyond. */
export function claimMessage(dice: Dice, parts: ClaimParts): ClaimMessage {
  const { endpoint, pieceCount } = parts;
  const q = dice.pick([0, 1, 2, Number.MAX_SAFE_INTEGER]);
  const piece = dice.below(pieceCount + 1);
  const pieces = dice.chance(0.7) ? parts.pieces.slice(0, LIMITS.claims.candidates) : parts.pieces;
  const ttl = () => dice.pick([0, 1, 10_000, Number.MAX_SAFE_INTEGER]);
  const bits = () => dice.bytes(nearby(dice, Math.ceil(pieceCount / 8)));
  const endpoints = () => Array.from({ length: dice.length(80) }, () => endpoint);
  switch (dice.below(11)) {
    case 0:
      return { m: "claim", q, pieces, n: dice.below(20), from: endpoint, up: dice.length(1e9) };
    case 1:
      return { m: "grant", q, pieces, ttlMs: ttl() };
    case 2:
      return {
        m: "deny",
        q,
        why: dice.pick(DENY_REASONS),
        ...(dice.chance(0.5) ? { taken: bits() } : {}),
        ...(dice.chance(0.5) ? { head: anyPeerId(dice) } : {}),
      };
    case 3:
      return { m: "taken", pieces };
    case 4:
      return { m: "taken_map", bits: bits(), from: 8 * dice.below(3) };
    case 5:
      return { m: "renew", pieces };
    case 6:
      return { m: "revoke", piece };
    case 7:
      return { m: "release", piece, why: dice.pick(RELEASE_REASONS), from: endpoint };
    case 8:
      return { m: "open", pieces, ttlsMs: pieces.map(ttl) };
    case 9:
      return { m: "where", q, piece, not: endpoints() };
    default:
      return { m: "holders", q, piece, endpoints: endpoints() };
  }
}
