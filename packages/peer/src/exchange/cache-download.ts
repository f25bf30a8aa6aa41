import { PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { CachePicker } from "./cache-picker.ts";

/**
 * The receiving side of forwarded Haves: what a leader can reach outside counts as one copy of a piece, and makes the leader
 * interesting, until it really has the piece; then a plain `have` takes its place and the piece is asked for.
 */
export class CacheDownload {
  readonly #settled: PieceSet;
  readonly #picker: CachePicker;

  /** `settled`: what is held, or not wanted. */
  constructor(settled: PieceSet, picker: CachePicker) {
    this.#settled = settled;
    this.#picker = picker;
  }

  /** The leader reaches these pieces, it says. False when it said so before of all of them, or has them itself. */
  forwarded(leader: Connection, pieces: Iterable<number>): boolean {
    leader.forwarded ??= new PieceSet(this.#settled.pieceCount);
    const before = leader.forwarded.size;
    for (const piece of pieces) {
      if (leader.theirs.has(piece) || !leader.forwarded.add(piece)) continue;
      this.#picker.gained(piece);
      if (!this.#settled.has(piece)) leader.wantedIndirectly++;
    }
    leader.showInterest(leader.isInteresting);
    return leader.forwarded.size > before;
  }

  /** The other side holds the piece itself. */
  announced(connection: Connection, piece: number): void {
    if (!connection.forwarded?.delete(piece)) return;
    this.#picker.lost(piece);
    if (!this.#settled.has(piece)) connection.wantedIndirectly--;
  }

  /** Other pieces are wanted than before. */
  recount(connection: Connection): void {
    connection.wantedIndirectly = connection.forwarded?.beyond(this.#settled).length ?? 0;
  }

  /** We hold the piece, which was wanted. */
  held(connection: Connection, piece: number): void {
    if (connection.forwarded?.has(piece)) connection.wantedIndirectly--;
  }

  /** The leader is gone, or leads no more: it reaches nothing for us. */
  ended(leader: Connection): void {
    if (leader.forwarded) this.#picker.left(leader.forwarded);
    leader.forwarded = undefined;
    leader.wantedIndirectly = 0;
    if (leader.isOpen) leader.showInterest(leader.isInteresting);
  }
}
