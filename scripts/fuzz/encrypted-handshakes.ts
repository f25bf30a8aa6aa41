import type { InfoHash } from "@cachetorrent/protocol";
import type { Dice } from "./dice.ts";
import { KEY_BYTES, PRIME, publicKeyOf, type Stage, VERIFICATION } from "./encryption.ts";
import { hostileFrames } from "./frames.ts";
import { anyPeerId, handshake } from "./handshakes.ts";
import type { Input } from "./input.ts";
import { mutate, NASTY_UINT32, uint16, uint32 } from "./mutate.ts";
import type { World } from "./world.ts";

/** Around the most that MSE allows as padding, that a peer takes as an initial payload, and that there is room for. */
const NASTY_LENGTHS = [0, 1, 511, 512, 513, 4095, 4096, 4097, 65_535];
/** In a group of a safe prime no others have a secret that anybody would know. */
const NASTY_KEYS = [0n, 1n, 2n, PRIME - 2n, PRIME - 1n, PRIME, PRIME + 1n, PRIME + 2n];

type Sent = Pick<Input, "encrypted" | "handshake" | "bytes">;
type Generator = (dice: Dice, world: World) => Sent;

/** What both sides may do wrong. */
const KINDS: readonly (readonly [kind: string, generate: Generator])[] = [
  [
    "public key",
    (dice) => ({ encrypted: "nothing", bytes: Buffer.concat([anyKey(dice), dice.bytes(dice.length(1200))]) }),
  ],
  ["padding", (dice) => ({ encrypted: "key", bytes: dice.bytes(dice.length(2000)) })],
  ["frames over RC4", (dice, world) => frames(dice, world, "rc4")],
  ["frames after plaintext was chosen", (dice, world) => frames(dice, world, "plaintext")],
];
const DIALLING_KINDS: typeof KINDS = [
  ...KINDS,
  ["torrent", (dice) => ({ encrypted: "secret", bytes: dice.bytes(dice.pick([19, 20, 20, 700])) })],
  ["offer", offer],
  ["offer", offer],
];
const DIALLED_KINDS: typeof KINDS = [...KINDS, ["choice", choice], ["choice", choice]];

/** What somebody says who dials, and begins an encrypted handshake. */
export function encryptedInput(dice: Dice, world: World): Input {
  const target = dice.chance(0.5) ? "seed" : "leecher";
  return { target, ...anyOf(dice, world, DIALLING_KINDS) };
}

/** What somebody says who is dialled by an encrypted handshake. */
export function encryptedGreeting(dice: Dice, world: World): Input {
  return { target: "dialled", ...anyOf(dice, world, DIALLED_KINDS) };
}

function anyOf(dice: Dice, world: World, kinds: typeof KINDS): Omit<Input, "target"> {
  const [kind, generate] = dice.pick(kinds);
  const sent = generate(dice, world);
  const chunk = dice.chance(0.2) && sent.bytes.length < 2000 ? 1 : undefined;
  return {
    ...sent,
    kind: `encrypted, ${kind}`,
    ...(chunk ? { chunk } : {}),
    // A few wait for the other side's patience to end.
    lingerMs: dice.chance(0.01) ? 11_000 : dice.length(400),
  };
}

function frames(dice: Dice, world: World, encrypted: Stage): Sent {
  return { encrypted, handshake: true, bytes: hostileFrames(dice, world).bytes };
}

function anyKey(dice: Dice): Uint8Array {
  if (dice.chance(0.2)) return dice.bytes(dice.below(KEY_BYTES));
  return dice.chance(0.5) ? dice.bytes(KEY_BYTES) : publicKeyOf(dice.pick(NASTY_KEYS));
}

/** In place of what who dials offers: VC, crypto_provide, PadC and the initial payload. */
function offer(dice: Dice, world: World): Sent {
  const payload = initialPayload(dice, world).subarray(0, dice.chance(0.8) ? 4096 : 65_535);
  const bytes = Buffer.concat([
    verification(dice),
    uint32(dice.chance(0.7) ? dice.between(1, 3) : dice.pick(NASTY_UINT32)),
    padding(dice),
    uint16(dice.chance(0.8) ? payload.length : dice.pick(NASTY_LENGTHS)),
    payload,
  ]);
  return { encrypted: "torrent", bytes: spoilt(dice, bytes) };
}

/** In place of what who was dialled chooses: VC, crypto_select and PadD. */
function choice(dice: Dice, world: World): Sent {
  const bytes = Buffer.concat([
    verification(dice),
    uint32(dice.chance(0.7) ? dice.between(1, 2) : dice.pick([3, 4, ...NASTY_UINT32])),
    padding(dice),
    initialPayload(dice, world),
  ]);
  return { encrypted: "torrent", bytes: spoilt(dice, bytes) };
}

function verification(dice: Dice): Uint8Array {
  return dice.chance(0.9) ? VERIFICATION : dice.bytes(VERIFICATION.length);
}

/** With its length, or another one. */
function padding(dice: Dice): Uint8Array {
  const bytes = dice.bytes(dice.chance(0.8) ? dice.length(512) : dice.length(1024));
  return Buffer.concat([uint16(dice.chance(0.8) ? bytes.length : dice.pick(NASTY_LENGTHS)), bytes]);
}

function initialPayload(dice: Dice, world: World): Uint8Array {
  const greeting = (infoHash: InfoHash) => handshake(infoHash, anyPeerId(dice));
  switch (dice.below(5)) {
    case 0:
      return new Uint8Array(0);
    case 1:
      return dice.bytes(dice.length(5000));
    case 2:
      // The inner handshake may name another torrent than the outer one.
      return greeting(dice.pick([...world.infoHashes, "ab".repeat(20) as InfoHash]));
    case 3:
      return mutate(dice, greeting(world.infoHash));
    default:
      return Buffer.concat([greeting(world.infoHash), hostileFrames(dice, world).bytes]);
  }
}

function spoilt(dice: Dice, bytes: Uint8Array): Uint8Array {
  if (dice.chance(0.2)) return mutate(dice, bytes);
  return dice.chance(0.2) ? bytes.subarray(0, dice.below(bytes.length)) : bytes;
}
