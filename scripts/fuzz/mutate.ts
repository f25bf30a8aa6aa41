import type { Dice } from "./dice.ts";

/** Where length and sign checks go wrong. */
export const NASTY_UINT32 = [0, 1, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];
const NASTY_BYTES = [0, 1, 0x7f, 0x80, 0xff, ...Buffer.from("0:-ideli%&=\r\n")];

export function uint32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

export function uint16(value: number): Uint8Array {
  return Buffer.of((value >>> 8) & 255, value & 255);
}

/** The bytes with one to four small changes. */
export function mutate(dice: Dice, bytes: Uint8Array): Uint8Array {
  let mutant = Buffer.from(bytes);
  for (let times = dice.between(1, 4); times > 0; times--) mutant = mutateOnce(dice, mutant);
  return mutant;
}

function mutateOnce(dice: Dice, bytes: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const at = dice.below(bytes.length + 1);
  const end = Math.min(bytes.length, at + dice.between(1, 16));
  const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (dice.below(7)) {
    case 0:
      return Buffer.concat([before, part.map((byte) => byte ^ (1 << dice.below(8))), after]);
    case 1:
      return Buffer.concat([before, Buffer.of(dice.pick(NASTY_BYTES)), after]);
    case 2:
      return Buffer.concat([before, after]);
    case 3:
      return Buffer.concat([before, part, part, part, after]);
    case 4:
      return Buffer.concat([before, dice.bytes(dice.between(1, 8)), part, after]);
    case 5:
      return Buffer.concat([before, uint32(dice.pick(NASTY_UINT32)), after]);
    default:
      return Buffer.from(before);
  }
}

/** A right length, or almost. */
export function nearby(dice: Dice, length: number): number {
  return dice.chance(0.4) ? length : Math.max(0, length + dice.between(-2, 2) + dice.length(2048));
}
