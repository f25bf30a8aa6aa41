import { type Address, type Asn, fail, ok, type PeerId, type Result } from "@cachetorrent/protocol";
import type { Candidate } from "./candidate.ts";

/** The state of an election as plain data. Times are milliseconds of the tracker's clock. */
export interface ElectionSnapshot {
  readonly version: 1;
  /** Whether the election ran; until then nobody leads. */
  readonly ran: boolean;
  readonly firstCandidateAt?: number;
  /** The newest term of any electorate that has gone. */
  readonly termFloor: number;
  readonly evictions: readonly { readonly peerId: PeerId; readonly until: number }[];
  readonly electorates: readonly ElectorateSnapshot[];
}

export interface ElectorateSnapshot {
  readonly asn: Asn;
  readonly term: number;
  /** By seniority; absent before the first result. */
  readonly leaders?: readonly PeerId[];
  readonly members: readonly {
    readonly peerId: PeerId;
    readonly source: Address;
    readonly joinedAt: number;
    readonly openFeeds: number;
    readonly silentSince: number;
  }[];
  readonly candidates: readonly Candidate[];
  readonly reports: readonly { readonly leader: PeerId; readonly reporter: PeerId; readonly at: number }[];
}

/** Checks what a state file held: the error CT_ERR_STATE says which part is wrong. */
export function decodeElectionSnapshot(value: unknown): Result<ElectionSnapshot> {
  if (typeof value !== "object" || value === null) return fail("CT_ERR_STATE", "no election state");
  return ok(value as ElectionSnapshot);
}
