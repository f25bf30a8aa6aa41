import { LIMITS } from "@cachetorrent/protocol";
import type { TorrentShape } from "./frame-guard.ts";

const BLOCK = LIMITS.peer.blockBytes;
/** Blocks of the largest piece: 16 MiB. */
const BLOCKS_A_PIECE = 1024;
/** Blocks of the longest request: 256 KiB. */
export const BLOCKS_A_REQUEST = LIMITS.peer.requestBytesMost / BLOCK;

const SECTIONS_A_PIECE = Math.ceil(LIMITS.peer.pieceLengthMost / LIMITS.peer.sectionBytes);

/** A range of a piece that one side asks of the other. */
export interface BlockRequest {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

/** What we ask for in one request: whole blocks of a piece, side by side. */
export interface BlockSpan {
  readonly piece: number;
  readonly block: number;
  readonly blocks: number;
}

/** A request of whole blocks as one number, for all of a torrent. */
export function requestKey(piece: number, begin: number, length: number): number {
  const block = piece * BLOCKS_A_PIECE + Math.floor(begin / BLOCK);
  return block * BLOCKS_A_REQUEST + Math.ceil(length / BLOCK) - 1;
}

/** The inverse of `requestKey`. */
export function spanOfKey(key: number): BlockSpan {
  const start = Math.floor(key / BLOCKS_A_REQUEST);
  return {
    piece: Math.floor(start / BLOCKS_A_PIECE),
    block: start % BLOCKS_A_PIECE,
    blocks: blocksOfKey(key),
  };
}

/** How many blocks the request is for. */
export function blocksOfKey(key: number): number {
  return (key % BLOCKS_A_REQUEST) + 1;
}

/** Are these bytes whole blocks of the piece? The last one of a piece may be short. */
export function isWholeBlocks(shape: TorrentShape, piece: number, begin: number, length: number): boolean {
  if (begin % BLOCK !== 0 || length > LIMITS.peer.requestBytesMost) return false;
  return length % BLOCK === 0 || begin + length === shape.pieceSize(piece);
}

/** The bytes of so many blocks from `block` on: the last one of a piece may be short. */
export function spanLength(shape: TorrentShape, { block, blocks, piece }: BlockSpan): number {
  return Math.min(blocks * BLOCK, shape.pieceSize(piece) - block * BLOCK);
}

/**
 * The section of a piece that the block begins in, as one number for each of a torrent. Whoever asks for a block will ask for others of its
 * section: what uploads read is whole sections.
 */
export function sectionKey({ piece, begin }: BlockRequest): number {
  return piece * SECTIONS_A_PIECE + Math.floor(begin / LIMITS.peer.sectionBytes);
}
