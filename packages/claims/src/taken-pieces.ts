import { PieceSet } from "@cachetorrent/protocol";

/** What is held or claimed in the AS, as far as a member was told. What changed is news once for all that one event did. */
export class TakenPieces {
  readonly pieces: PieceSet;
  readonly #changed: () => void;
  #isNews = false;

  constructor(pieceCount: number, changed: () => void) {
    this.pieces = new PieceSet(pieceCount);
    this.#changed = changed;
  }

  add(piece: number): void {
    if (this.pieces.add(piece)) this.#isNews = true;
  }

  /** Was it taken? */
  free(piece: number): boolean {
    const wasTaken = this.pieces.delete(piece);
    if (wasTaken) this.#isNews = true;
    return wasTaken;
  }

  /** By a map of the pieces from `from` on. Is any free that was not? */
  overwrite(bits: Uint8Array, from: number): boolean {
    const before = this.pieces.size;
    const isFreed = this.pieces.overwrite(bits, from);
    if (isFreed || this.pieces.size !== before) this.#isNews = true;
    return isFreed;
  }

  /** At the end of each event. */
  tell(): void {
    if (!this.#isNews) return;
    this.#isNews = false;
    this.#changed();
  }
}
