import {
  type Bencodable,
  CT_CACHE,
  type CtCacheMessage,
  type Endpoint,
  encodeBencode,
  encodeCtCache,
  REFUSALS,
} from "@cachetorrent/protocol";
import { claimMessage } from "./claims.ts";
import type { Dice } from "./dice.ts";
import type { Input } from "./input.ts";
import { mutate, NASTY_UINT32, nearby, uint32 } from "./mutate.ts";
import type { World } from "./world.ts";

/** A message with its length. */
export function frame(id: number, ...parts: readonly (number | Uint8Array)[]): Uint8Array {
  const body = parts.map((part) => (typeof part === "number" ? uint32(part) : part));
  const length = body.reduce((sum, part) => sum + part.length, 1);
  return Buffer.concat([uint32(length), Buffer.of(id), ...body]);
}

function claim(length: number, id: number): Uint8Array {
  return Buffer.concat([uint32(length), Buffer.of(id)]);
}

const KNOWN_IDS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 20, 21];
const BLOCK = 16 * 1024;

type Generator = (dice: Dice, world: World) => Uint8Array;

/** Kinds of what comes after a valid handshake, by name. */
const KINDS: readonly (readonly [kind: string, generate: Generator])[] = [
  ["random frame", randomFrame],
  [
    "claimed length",
    (dice) => Buffer.concat([claim(anyLength(dice), anyId(dice)), dice.bytes(dice.length(4096))]),
  ],
  ["bitfield", (dice, { pieceCount }) => frame(5, dice.bytes(nearby(dice, Math.ceil(pieceCount / 8))))],
  ["index", anyIndex],
  ["extended handshake", (dice) => extendedHandshakes(dice)],
  ["ct_cache", ctCache],
  ["truncated frame", (dice, world) => legalFrame(dice, world).subarray(0, dice.between(1, 12))],
  ["many small", manySmall],
  ["legal frames", (dice, world) => several(dice, 40, () => legalFrame(dice, world))],
  [
    "mutated frames",
    (dice, world) =>
      mutate(
        dice,
        several(dice, 20, () => legalFrame(dice, world)),
      ),
  ],
];

/** What a connected peer says that means harm. */
export function hostileFrames(
  dice: Dice,
  world: World,
): { readonly kind: string; readonly bytes: Uint8Array } {
  const [kind, generate] = dice.pick(KINDS);
  // In front of what is wrong, sometimes, what opens doors: interest, a map, an unchoke.
  const prologue = dice.chance(0.5)
    ? Buffer.concat([dice.chance(0.5) ? frame(14) : frame(15), frame(2), frame(1), legalExtendedHandshake()])
    : Buffer.alloc(0);
  return { kind, bytes: Buffer.concat([prologue, generate(dice, world)]) };
}

export function frameInput(dice: Dice, world: World): Input {
  const { kind, bytes } = hostileFrames(dice, world);
  const target = dice.chance(0.5) ? "seed" : "leecher";
  const chunk = dice.chance(0.1) ? dice.pick([1, 1, 3, 1000]) : undefined;
  const isChunked = chunk !== undefined && bytes.length / chunk < 2000;
  return {
    target,
    kind,
    handshake: true,
    bytes,
    ...(isChunked ? { chunk } : {}),
    lingerMs: dice.length(400),
  };
}

function several(dice: Dice, most: number, make: () => Uint8Array): Uint8Array {
  return Buffer.concat(Array.from({ length: dice.between(1, most) }, make));
}

function anyId(dice: Dice): number {
  return dice.chance(0.8) ? dice.pick(KNOWN_IDS) : dice.below(256);
}

function anyLength(dice: Dice): number {
  return dice.chance(0.7) ? dice.pick(NASTY_UINT32) : dice.length(0x200000);
}

function randomFrame(dice: Dice): Uint8Array {
  return several(dice, 8, () => frame(anyId(dice), dice.bytes(dice.length(20_000))));
}

function anyNumber(dice: Dice, legalBelow: number): number {
  return dice.chance(0.5) ? dice.pick([...NASTY_UINT32, -1, -5]) : dice.below(legalBelow + 2);
}

function anyIndex(dice: Dice, { pieceCount, pieceLength }: World): Uint8Array {
  const id = dice.pick([4, 6, 7, 8, 13, 16, 17]);
  const piece = anyNumber(dice, pieceCount);
  if (id === 4 || id === 13 || id === 17) return frame(id, piece);
  const begin = anyNumber(dice, pieceLength);
  return id === 7
    ? frame(id, piece, begin, dice.bytes(dice.length(BLOCK)))
    : frame(id, piece, begin, anyNumber(dice, BLOCK));
}

function legalFrame(dice: Dice, { pieceCount, pieceLength }: World): Uint8Array {
  const piece = dice.below(pieceCount);
  const begin = BLOCK * dice.below(pieceLength / BLOCK);
  switch (dice.below(9)) {
    case 0:
      return frame(dice.below(4));
    case 1:
      return frame(4, piece);
    case 2:
      return frame(7, piece, begin, dice.bytes(64), new Uint8Array(BLOCK - 64));
    case 3:
      return frame(8, piece, begin, BLOCK);
    case 4:
      return frame(5, new Uint8Array(Math.ceil(pieceCount / 8)).fill(0xff));
    case 5:
      return uint32(0);
    case 6:
      return legalExtendedHandshake();
    default:
      return frame(6, piece, begin, BLOCK);
  }
}

function manySmall(dice: Dice, { pieceCount }: World): Uint8Array {
  const small = dice.pick([
    frame(2),
    frame(3),
    frame(0),
    frame(1),
    uint32(0),
    frame(4, dice.below(pieceCount)),
  ]);
  const other = dice.pick([
    frame(2),
    frame(6, 0, 0, BLOCK),
    frame(8, 0, 0, BLOCK),
    frame(20, Buffer.of(1, 2)),
  ]);
  return Buffer.concat(Array.from({ length: dice.between(100, 4000) }, (_, i) => (i % 2 ? small : other)));
}

function legalExtendedHandshake(id = 1): Uint8Array {
  return frame(20, Buffer.of(0), encodeBencode({ m: { [CT_CACHE]: id, ut_pex: 2 }, p: 6881, reqq: 250 }));
}

function extendedHandshakes(dice: Dice): Uint8Array {
  return several(dice, 4, () => frame(20, Buffer.of(0), extendedPayload(dice)));
}

function extendedPayload(dice: Dice): Uint8Array {
  const nasty: readonly Bencodable[] = [
    -1,
    0,
    1,
    255,
    256,
    2 ** 53 - 1,
    "",
    "1",
    [],
    {},
    [[[]]],
    dice.bytes(30),
  ];
  const names = Array.from({ length: dice.length(80) }, (_, i) => [`x${i}`, dice.pick(nasty)] as const);
  const dict = {
    m: dice.chance(0.2) ? dice.pick(nasty) : { [CT_CACHE]: dice.pick(nasty), ...Object.fromEntries(names) },
    ct: dice.chance(0.5) ? dice.pick(nasty) : { role: dice.pick(nasty), term: dice.pick(nasty), v: 1 },
    p: dice.pick(nasty),
    reqq: dice.pick(nasty),
    yourip: dice.bytes(dice.below(20)),
  };
  if (dice.chance(0.1)) return nested(dice);
  return dice.chance(0.5) ? encodeBencode(dict) : mutate(dice, encodeBencode(dict));
}

function nested(dice: Dice): Uint8Array {
  const depth = dice.length(60_000);
  return Buffer.from(`d1:m${dice.pick(["l", "d1:a"]).repeat(depth)}${"e".repeat(depth)}e`);
}

/** Messages of our extension, under an id that was agreed on or under another one. */
function ctCache(dice: Dice, world: World): Uint8Array {
  const id = dice.chance(0.7) ? 1 : dice.between(1, 255);
  const messages = several(dice, 12, () => {
    const message = encodeCtCache(ctCacheMessage(dice, world));
    return frame(20, Buffer.of(id), dice.chance(0.5) ? message : mutate(dice, message));
  });
  return Buffer.concat([legalExtendedHandshake(id), messages]);
}

function ctCacheMessage(dice: Dice, { dialledPort, pieceCount }: World): CtCacheMessage {
  const term = dice.pick([0, 1, 2, 1_700_000_000_000, Number.MAX_SAFE_INTEGER]);
  const address = dice.pick(["127.1.0.1", "127.3.66.1", "127.4.66.9", "0.0.0.0", "2001:db8::1"]);
  const dest = { address, port: dice.pick([1, 80, 6881, dialledPort]) } as Endpoint;
  const pieces = () => Array.from({ length: dice.length(1500) }, () => dice.below(pieceCount + 1));
  if (dice.chance(0.5))
    return { ...claimMessage(dice, { endpoint: dest, pieceCount, pieces: pieces() }), term };
  switch (dice.below(7)) {
    case 0:
      return { m: "leader_start", dest, term };
    case 1:
      return { m: "leader_started", dest, term };
    case 2:
      return { m: "leader_refused", dest, why: dice.pick(REFUSALS), term };
    case 3:
      return { m: "leader_stop", dest, term };
    case 4:
      return {
        m: "fwd_bitfield",
        bits: dice.bytes(nearby(dice, Math.ceil(pieceCount / 8))),
        from: 8 * dice.below(3),
        term,
      };
    case 5:
      return { m: "fwd_have", pieces: pieces(), term };
    default:
      return { m: "want", pieces: pieces(), term };
  }
}
