import type { Random } from "@cachetorrent/clock";
import type { ClaimMessage, Endpoint } from "@cachetorrent/protocol";

export interface ClaimBookOptions<Member extends object> {
  readonly pieceCount: number;
  /** Sends it to the member. For the head's own member this is `LocalHeadPort.tell`; it must not call the book. */
  tell(member: Member, body: ClaimMessage): void;
  /** Where the member listens: what others are told of a holder. */
  endpointOf(member: Member): Endpoint | undefined;
  readonly random: Random;
  readonly now: number;
  /** R of the policy: how many copies the AS may take in all, once it misses nothing; at least 1, the default. */
  readonly relief?: number;
  /** Is it finished, outside, and no initial seed, so that an extra copy may come from there? By default nobody is. */
  mayRelieve?(from: Endpoint): boolean;
}

/** Counts: of claims asked and denied, of pieces granted, and of grants that ran out. */
export interface ClaimAccounts {
  readonly asked: number;
  readonly granted: number;
  readonly denied: number;
  readonly expired: number;
}
