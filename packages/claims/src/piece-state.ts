import type { Endpoint } from "@cachetorrent/protocol";

/** Of one piece: may it be fetched from outside, does somebody do that, or has the AS got it? */
export type PieceState<Member> =
  | { readonly is: "free" }
  | {
      readonly is: "claimed";
      readonly member: Member;
      /** Unknown of a claim that another head granted. */
      readonly from: Endpoint | undefined;
      readonly deadline: number;
    }
  | {
      readonly is: "held";
      readonly holders: readonly Member[];
      /** Who fetches an extra copy now. */
      readonly relief: Member | undefined;
    };
