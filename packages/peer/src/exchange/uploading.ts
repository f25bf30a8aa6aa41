import { type Asn, type CtAnswer, isInternal, type SwarmAs, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

/**
 * By which rules a torrent gives its pieces away. The policy is known only with the tracker's first answer, and what a peer
 * was told cannot be taken back: while it is `undecided`, an initial seed says of nothing that it holds it.
 */
export type Uploading = "undecided" | "plain" | CoordinatedUploading;

/** The rules of `coordinated`. */
export interface CoordinatedUploading {
  /** Our own AS; it is known, else the rules are plain. */
  readonly asn: Asn;
  /** The ASes of the swarm, by the tracker's word; if it did not say, they are as before. */
  readonly ases?: readonly SwarmAs[];
  /** Members of our AS, ourselves included, as far as we know of them. */
  membersInAs(): number;
}

/** The rules that the tracker's word means. Members of our AS are those among our neighbours. */
export function uploadingOf(
  { ases, asn = UNKNOWN_ASN, policy }: CtAnswer,
  neighbours: ReadonlySet<Connection>,
): Uploading {
  // Of no known AS everybody is outside of ours: there is nobody to coordinate with.
  if (policy.name !== "coordinated" || asn === UNKNOWN_ASN) return "plain";
  const isMember = (one: Connection) => one.speaksCtCache && isInternal(one.asn, asn);
  return {
    asn,
    ...(ases ? { ases } : {}),
    membersInAs: () => 1 + [...neighbours].filter(isMember).length,
  };
}

/** Do the same rules hold under both, whatever has become known besides? */
export function areSameRules(a: Uploading, b: Uploading): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return a.asn === b.asn;
}
