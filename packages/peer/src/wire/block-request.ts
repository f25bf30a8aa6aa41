import { LIMITS } from "@cachetorrent/protocol";
import type { TorrentShape } from "./frame-guard.ts";

const BLOCK = LIMITS.peer.blockBytes;
/** Blocks of the largest piece: 16 MiB. */
const BLOCKS_A_PIECE = 1024;

const SECTIONS_A_PIECE = Math.ceil(LIMITS.peer.pieceLengthMost / LIMITS.peer.sectionBytes);

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

/**
 * The section of a piece that the block begins in, as one number for each of a torrent. Whoever asks for a block will ask for others of its
 * section: what uploads read is whole sections.
 */
export function sectionKey({ piece, begin }: BlockRequest): number {
  return piece * SECTIONS_A_PIECE + Math.floor(begin / LIMITS.peer.sectionBytes);
}

/** The inverse of `blockKey`: the piece, and the block's place in it. */
export function blockOfKey(key: number): { readonly piece: number; readonly block: number } {
  return { piece: Math.floor(key / BLOCKS_A_PIECE), block: key % BLOCKS_A_PIECE };
}

/** The whole block that starts at `begin`: the last of a piece may be short. */
export function blockLength(shape: TorrentShape, piece: number, begin: number): number {
  return Math.min(BLOCK, shape.pieceSize(piece) - begin);
}
