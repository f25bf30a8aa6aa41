/** What a head is to be reported for. */
export type HeadFault =
  /** A claim was not answered. */
  | "unanswered"
  /** Holders that it named do not have the piece. */
  | "false holders"
  /** It calls a piece taken that nobody has whom we know. */
  | "withheld";
