import type { CtCacheMessage } from "@cachetorrent/protocol";

/** The pieces that a leader forwards with one message. */
export function* piecesOf(message: CtCacheMessage & { m: "fwd_bitfield" | "fwd_have" }): Iterable<number> {
  if (message.m === "fwd_have") yield* message.pieces;
  else {
    const { bits, from } = message;
    for (let i = 0; i < bits.length * 8; i++) {
      if (((bits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0) yield from + i;
    }
  }
}
