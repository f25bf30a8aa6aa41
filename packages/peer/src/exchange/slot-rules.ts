/** The choice of whom to upload to under one policy. */
export interface SlotRules<C> {
  /** A round: who is to be unchoked until the next one, those who get their slots first in front. All others are to be choked. */
  choose(contenders: readonly C[], isComplete: boolean, now: number): Set<C>;
  /** Between rounds: who of those that wait is to be unchoked besides the interested ones that are. */
  fill(waiting: readonly C[], served: readonly C[], isComplete: boolean, now: number): C[];
  /** Is a transfer to it, once begun, brought to the end of its piece before it is choked? */
  isKeptInMidPiece(contender: C): boolean;
  /** Has it had enough for now, and does one wait that may have its slot? Asked when a piece is whole. */
  isTurnOver(served: C, turn: Turn, waiting: () => readonly C[], isComplete: boolean): boolean;
}

/** What somebody got since it was last unchoked. */
export interface Turn {
  readonly ms: number;
  readonly pieces: number;
}
