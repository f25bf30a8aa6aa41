import {
  type Asn,
  type CtAnswer,
  DEFAULT_RELIEF,
  hasLeaders,
  type LeaderEntry,
  type PeerId,
  rangeOfPiece,
  rangesOf,
  type SwarmAs,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { RoleName } from "./role.ts";

/** What a member's tracker last said, as it concerns its role: whose electorate, who leads, and what. */
export class Standing {
  readonly role: RoleName;
  readonly asn: Asn;
  readonly term: number;
  readonly leaders: readonly LeaderEntry[];
  /** Into how many the pieces are split. */
  readonly ranges: number;
  /** The ranges that this peer leads. */
  readonly own: ReadonlySet<number>;
  /** What each AS of the swarm can upload, as far as the tracker told. */
  readonly ases: readonly SwarmAs[];
  /** Does it fetch outside what its head grants? */
  readonly isClaiming: boolean;
  /** R of `coordinated`: how many copies the AS may take, 1 elsewhere. */
  readonly relief: number;
  readonly #pieceCount: number;

  /** `hasWaited`: the leaders that should have been elected by now did not come. */
  constructor(ct: CtAnswer, peerId: PeerId, pieceCount: number, hasWaited: boolean) {
    this.asn = ct.asn ?? UNKNOWN_ASN;
    this.term = ct.leaders?.term ?? 0;
    this.ranges = rangesOf(ct.policy);
    this.leaders = (ct.leaders?.leaders ?? []).filter(({ range = 0 }) => range < this.ranges);
    this.#pieceCount = pieceCount;
    const ours = this.leaders.filter((leader) => leader.peerId === peerId);
    this.own = new Set(ours.map((leader) => leader.range ?? 0));
    if (this.asn === UNKNOWN_ASN || !hasLeaders(ct.policy)) this.role = "independent";
    else if (this.leaders.length === 0) this.role = hasWaited ? "independent" : "pending";
    else if (ct.policy.name === "coordinated" && ct.policy.fetchers === "all") this.role = "member";
    else this.role = ours.length > 0 ? "leader" : "follower";
    const isFetcher = this.role === "member" || this.role === "leader";
    this.isClaiming = isFetcher && ct.policy.name === "coordinated";
    this.ases = ct.ases ?? [];
    this.relief = ct.policy.name === "coordinated" ? ct.policy.relief : DEFAULT_RELIEF;
  }

  /** Does this peer lead the range that the piece is in? */
  leads(piece: number): boolean {
    return this.role === "leader" && this.own.has(this.rangeOf(piece));
  }

  /** Does it lead its AS, as one of several or alone? */
  get isInOffice(): boolean {
    return this.own.size > 0;
  }

  rangeOf(piece: number): number {
    return rangeOfPiece(piece, this.#pieceCount, this.ranges);
  }

  /** Whether everything that follows from it is the same. */
  equals(other: Standing | undefined): boolean {
    return (
      other !== undefined &&
      other.role === this.role &&
      other.asn === this.asn &&
      other.term === this.term &&
      other.ranges === this.ranges &&
      other.isClaiming === this.isClaiming &&
      other.relief === this.relief &&
      sameEntries(other.leaders, this.leaders)
    );
  }
}

function sameEntries(a: readonly LeaderEntry[], b: readonly LeaderEntry[]): boolean {
  const keys = (list: readonly LeaderEntry[]) =>
    list
      .map(({ endpoint, peerId, range }) => `${peerId} ${range} ${endpoint.address} ${endpoint.port}`)
      .sort();
  const [left, right] = [keys(a), keys(b)];
  return left.length === right.length && left.every((key, i) => key === right[i]);
}
