import { type InfoHash, idBytes, type PeerId } from "@cachetorrent/protocol";
import type { Dice } from "./dice.ts";
import type { Input } from "./input.ts";
import { mutate } from "./mutate.ts";
import type { World } from "./world.ts";

export const PROTOCOL = Buffer.from("\x13BitTorrent protocol", "latin1");
export const HANDSHAKE_BYTES = 68;
/** BEP 10 and BEP 6. */
const RESERVED = Buffer.of(0, 0, 0, 0, 0, 0x10, 0, 0x04);

export function handshake(infoHash: InfoHash, peerId: PeerId): Uint8Array {
  return Buffer.concat([PROTOCOL, RESERVED, idBytes(infoHash), idBytes(peerId)]);
}

export function anyPeerId(dice: Dice): PeerId {
  return Buffer.from(`-FZ0100-${String(dice.below(1e12)).padStart(12, "0")}`).toString("hex") as PeerId;
}

/** What comes in place of a handshake. */
const KINDS: readonly (readonly [kind: string, generate: (dice: Dice, world: World) => Uint8Array])[] = [
  ["half a handshake", (dice, world) => valid(dice, world).subarray(0, dice.between(1, 67))],
  ["mutated handshake", (dice, world) => mutate(dice, valid(dice, world))],
  [
    "another protocol",
    (dice) => dice.pick([Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from("SSH-2.0-x\r\n")]),
  ],
  ["another torrent", (dice) => Buffer.concat([PROTOCOL, RESERVED, dice.bytes(40)])],
  [
    "a daemon's own id",
    (dice, world) => handshake(world.infoHash, dice.pick([...world.peerIds, anyPeerId(dice)])),
  ],
  [
    "any reserved bits",
    (dice, { infoHash }) => Buffer.concat([PROTOCOL, dice.bytes(8), idBytes(infoHash), dice.bytes(20)]),
  ],
  // Message stream encryption: who decrypts with such a key gets 0 or 1.
  ["public key of 0", () => Buffer.alloc(96)],
  ["public key of 1", () => Buffer.concat([Buffer.alloc(95), Buffer.of(1)])],
  ["encrypted, it seems", (dice) => dice.bytes(dice.between(96, 608))],
  ["silence", () => Buffer.alloc(0)],
];

export function handshakeInput(dice: Dice, world: World): Input {
  const [kind, generate] = dice.pick(KINDS);
  const bytes = generate(dice, world);
  const target = dice.chance(0.5) ? "seed" : "leecher";
  // A few wait for the other side's patience to end.
  const lingerMs = dice.chance(0.01) ? 11_000 : dice.length(400);
  return { target, kind, bytes, ...(dice.chance(0.2) ? { chunk: 1 } : {}), lingerMs };
}

function valid(dice: Dice, { infoHash }: World): Uint8Array {
  return handshake(infoHash, anyPeerId(dice));
}
