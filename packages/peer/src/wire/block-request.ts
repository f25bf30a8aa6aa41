import { LIMITS } from "@cachetorrent/protocol";
import type { TorrentShape } from "./frame-guard.ts";

const BLOCK = LIMITS.peer.blockBytes;
/** Blocks of the largest piece: 16 MiB. */
const BLOCKS_A_PIECE = 1024;

/** A range of a piece that one side asks of the other. */
export interface BlockRequest {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** One block of a torrent as one number. */
export function blockKey(piece: number, begin: number): number {
  return piece * BLOCKS_A_PIECE + Math.floor(begin / BLOCK);
}

/** The inverse of `blockKey`: the piece, and the block's place in it. */
export function blockOfKey(key: number): { readonly piece: number; readonly block: number } {
  return { piece: Math.floor(key / BLOCKS_A_PIECE), block: key % BLOCKS_A_PIECE };
}

/** The whole block that starts at `begin`: the last of a piece may be short. */
export function blockLength(shape: TorrentShape, piece: number, begin: number): number {
  return Math.min(BLOCK, shape.pieceSize(piece) - begin);
}
