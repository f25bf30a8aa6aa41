import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type CtCacheBody,
  decodeCtCache,
  type Endpoint,
  encodeCtCache,
  LIMITS,
  unwrap,
} from "../src/index.ts";
import * as any from "./arbitraries.ts";

const PIECES = 1000;
const { candidates, piecesPerMessage } = LIMITS.claims;
const MOST = {
  fwd_have: LIMITS.cache.piecesPerForward,
  want: LIMITS.cache.piecesPerWant,
  claim: candidates,
  grant: candidates,
  taken: piecesPerMessage,
  renew: piecesPerMessage,
  open: piecesPerMessage,
};

const valid = any.ctCache.map(({ message }) => encodeCtCache(message));
const noise = fc.uint8Array({ maxLength: 200 });

test("decode(encode(x)) = x for ct_cache messages", () => {
  fc.assert(
    fc.property(any.ctCache, ({ pieceCount, message }) => {
      expect(unwrap(decodeCtCache(encodeCtCache(message), pieceCount))).toEqual(message);
    }),
  );
});

test("their decoder never throws: what it does not accept is CT_ERR_EXTENSION", () => {
  const input = fc.oneof(noise, valid, any.mutated(valid));
  fc.assert(
    fc.property(input, fc.nat(PIECES), (bytes, pieceCount) => {
      const decoded = decodeCtCache(bytes, pieceCount);
      if (!decoded.ok) expect(decoded.error.code).toBe("CT_ERR_EXTENSION");
    }),
    { numRuns: 1000 },
  );
});

test("what it accepts is within the bounds, and can be said again", () => {
  const input = fc.oneof(valid, any.mutated(valid));
  fc.assert(
    fc.property(input, (bytes) => {
      const decoded = decodeCtCache(bytes, PIECES);
      if (!decoded.ok || decoded.value.m === "unknown") return;
      const message = decoded.value;
      for (const piece of piecesOf(message)) expect(piece).toBeLessThan(PIECES);
      if ("pieces" in message) expect(message.pieces.length).toBeLessThanOrEqual(MOST[message.m]);
      for (const { port } of endpointsOf(message)) expect(port).toBeGreaterThan(0);
      expect(unwrap(decodeCtCache(encodeCtCache(message), PIECES))).toEqual(message);
    }),
    { numRuns: 1000 },
  );
});

function piecesOf(message: CtCacheBody): readonly number[] {
  if ("pieces" in message) return message.pieces;
  if ("piece" in message) return [message.piece];
  if ("bits" in message) return setBits(message.bits, message.from);
  return "taken" in message && message.taken ? setBits(message.taken) : [];
}

function setBits(bits: Uint8Array, from = 0): number[] {
  return [...bits].flatMap((byte, at) =>
    [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (0x80 >> bit)).map((bit) => from + at * 8 + bit),
  );
}

function endpointsOf(message: CtCacheBody): readonly Endpoint[] {
  if ("dest" in message) return [message.dest];
  if ("endpoints" in message) return message.endpoints;
  if ("not" in message) return message.not;
  return message.m === "claim" || message.m === "release" ? [message.from] : [];
}
