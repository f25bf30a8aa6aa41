import type { Address } from "@cachetorrent/protocol";

/**
 * Links that a block crosses besides its sender's own: in a testbed those that the peers of an AS share. A block is in
 * line once it is booked: who is first books first, and the links stay busy however many wait.
 */
export interface SharedLinks {
  /** Books the passage of a block of so many bytes to `to`: after how many ms it may be sent, 0 for at once. */
  book(to: Address, bytes: number, now: number): number;
}

/** A peer with no such links. */
export const noSharedLinks: SharedLinks = { book: () => 0 };
