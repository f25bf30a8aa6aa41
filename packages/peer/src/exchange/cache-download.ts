import { PieceSet } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { CachePicker } from "./cache-picker.ts";

/**
 * The receiving side of forwarded Haves: what a leader can reach outside counts as one copy of a piece, and makes the leader
 * interesting, until it really has the piece; then a plain `have` takes its place and the piece is asked for.
 */
export class CacheDownload {
  readonly #have: PieceSet;
  readonly #picker: CachePicker;

  constructor(have: PieceSet, picker: CachePicker) {
    this.#have = have;
    this.#picker = picker;
  }

  /** The leader reaches these pieces, it says. False when it said so before of all of them, or has them itself. */
  forwarded(leader: Connection, pieces: Iterable<number>): boolean {
    leader.forwarded ??= new PieceSet(this.#have.pieceCount);
    const before = leader.forwarded.size;
    for (const piece of pieces) {
      if (leader.theirs.has(piece) || !leader.forwarded.add(piece)) continue;
      this.#picker.gained(piece);
      if (!this.#have.has(piece)) leader.wantedIndirectly++;
    }
    leader.showInterest(leader.isInteresting);
    return leader.forwarded.size > before;
  }

  /** The other side holds the piece itself. */
  announced(connection: Connection, piece: number): void {
    if (!connection.forwarded?.delete(piece)) return;
    this.#picker.lost(piece);
    if (!this.#have.has(piece)) connection.wantedIndirectly--;
  }

  /** We hold the piece. */
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
