/** The choice of whom to upload to under one policy. */
export interface SlotRules<C> {
  /** A round: who is to be unchoked until the next one, those who get their slots first in front. All others are to be choked. */
  choose(contenders: readonly C[], isComplete: boolean, now: number): Set<C>;
  /** Between rounds: who of those that wait is to be unchoked besides the interested ones that are. */
  fill(waiting: readonly C[], served: readonly C[], isComplete: boolean, now: number): C[];
  /** Is a transfer to it, once begun, brought to the end of its piece before it is choked? */
  isKeptInMidPiece(contender: C): boolean;
}
