import type { Random } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type Endpoint,
  type InfoHash,
  isIPv6,
  type PeerId,
  type SwarmAs,
} from "@cachetorrent/protocol";
import { AsCapacities, type AsShare } from "./as-capacities.ts";
import { Bag } from "./bag.ts";
import { EndpointIndex } from "./endpoint-index.ts";
import { endpointsOf, type SwarmMember, type SwarmPeer } from "./swarm-peer.ts";

/** Sums over present and former peers, as they said. */
export interface SwarmTotals {
  /** How many completed (BEP 48). */
  readonly downloaded: number;
  /** Payload bytes downloaded from other ASes, and inside. */
  readonly externalBytes: number;
  readonly internalBytes: number;
}

/** One announce, as far as the swarm remembers it. */
export interface Registration {
  readonly peerId: PeerId;
  readonly asn: Asn;
  readonly endpoint: Endpoint;
  readonly key?: string;
  readonly left: number;
  /** It says that it has just completed (the event). */
  readonly completed?: boolean;
  /** Payload bytes it downloaded so far; of a newcomer that is complete it tells whether it came so. */
  readonly downloaded?: number;
  /** Absent: it speaks the extension no more, if it ever did. */
  readonly member?: Pick<SwarmMember, "local" | "capacity" | "externalBytes" | "internalBytes">;
}

/** What hand-out policies see of a swarm. */
export interface SwarmView {
  readonly everyone: Bag<SwarmPeer>;
  /** The peers of one AS; undefined when there are none. */
  localPeers(asn: Asn): Bag<SwarmPeer> | undefined;
  get(peerId: PeerId): SwarmPeer | undefined;
  /** Peers that speak the extension: all, and those of one AS, which is not the unknown one. */
  readonly memberCount: number;
  membersIn(asn: Asn): number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** The peers of one info-hash, each with at most one endpoint per address family. */
export class Swarm implements SwarmView {
  readonly infoHash: InfoHash;
  readonly everyone: Bag<SwarmPeer>;
  readonly #random: Random;
  readonly #peers = new Map<PeerId, Mutable<SwarmPeer>>();
  readonly #byAsn = new Map<Asn, Bag<SwarmPeer>>();
  readonly #capacities = new AsCapacities();
  readonly #endpoints = new EndpointIndex<SwarmPeer>();
  #complete = 0;
  #members = 0;
  #totals: Mutable<SwarmTotals> = { downloaded: 0, externalBytes: 0, internalBytes: 0 };

  constructor(infoHash: InfoHash, random: Random) {
    this.infoHash = infoHash;
    this.#random = random;
    this.everyone = new Bag<SwarmPeer>(random);
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Peers that miss nothing, by what they say is left. */
  get complete(): number {
    return this.#complete;
  }

  get incomplete(): number {
    return this.size - this.#complete;
  }

  get memberCount(): number {
    return this.#members;
  }

  membersIn(asn: Asn): number {
    return this.#capacities.memberCount(asn);
  }

  /** The ASes of the swarm, as members are told of them. */
  ases(now: number): readonly SwarmAs[] {
    return this.#capacities.list(now);
  }

  get totals(): SwarmTotals {
    return this.#totals;
  }

  get(peerId: PeerId): SwarmPeer | undefined {
    return this.#peers.get(peerId);
  }

  peers(): Iterable<SwarmPeer> {
    return this.#peers.values();
  }

  localPeers(asn: Asn): Bag<SwarmPeer> | undefined {
    return this.#byAsn.get(asn);
  }

  /** Those that announced this endpoint; behind one NAT there may be several. */
  at(endpoint: Endpoint): readonly SwarmPeer[] {
    return this.#endpoints.at(endpoint);
  }

  register(registration: Registration, now: number): SwarmPeer {
    const { peerId, endpoint, left } = registration;
    const known = this.#peers.get(peerId);
    const before = known?.left;
    const share = known && shareOf(known);
    const peer = known ?? this.#add(peerId, registration.asn, endpoint.address, now);
    if (!known && left === 0 && !registration.downloaded) peer.isOrigin = true;
    this.#countCompletion(peer, { before, left, isSaid: registration.completed ?? false });
    this.#complete += Number(left === 0) - Number(before === 0);
    peer.left = left;
    peer.announcedAt = now;
    if (registration.key !== undefined) peer.key = registration.key;
    if (registration.member) this.#updateMember(peer, registration.member);
    else if (peer.member) {
      delete peer.member;
      this.#members--;
    }
    this.#capacities.replace(share, shareOf(peer));
    this.#move(peer, endpoint);
    return peer;
  }

  /** The last word of a peer before it is removed: of what it downloaded, and perhaps the first of its completion. */
  countLastWord({ peerId }: SwarmPeer, said: Pick<Registration, "left" | "member">): void {
    const { left, member } = said;
    const peer = this.#peers.get(peerId);
    if (!peer) return;
    this.#countCompletion(peer, { before: peer.left, left, isSaid: false });
    if (member) this.#countPayload(peer, member);
  }

  /**
   * Once a peer (BEP 48: clients completed), by the event or by what is left: the announce with the event may be lost,
   * or overtaken by a later one. A peer that came complete has not completed here.
   */
  #countCompletion(
    peer: Mutable<SwarmPeer>,
    {
      before,
      left,
      isSaid,
    }: { readonly before: number | undefined; readonly left: number; readonly isSaid: boolean },
  ): void {
    const completes = left === 0 && before !== 0 && (isSaid || before !== undefined);
    if (!completes || peer.hasCompleted) return;
    peer.hasCompleted = true;
    this.#totals.downloaded++;
  }

  /** Adds to the totals what a member says it downloaded since it was last heard of. */
  #countPayload({ member }: SwarmPeer, said: Pick<SwarmMember, "externalBytes" | "internalBytes">): void {
    // Counters start again with the peer's process: only growth is new payload.
    this.#totals.externalBytes += Math.max(0, said.externalBytes - (member?.externalBytes ?? 0));
    this.#totals.internalBytes += Math.max(0, said.internalBytes - (member?.internalBytes ?? 0));
  }

  remove(peerId: PeerId): SwarmPeer | undefined {
    const peer = this.#peers.get(peerId);
    if (!peer) return undefined;
    this.#peers.delete(peerId);
    this.everyone.remove(peer);
    const local = this.#byAsn.get(peer.asn);
    local?.remove(peer);
    if (local?.size === 0) this.#byAsn.delete(peer.asn);
    for (const endpoint of endpointsOf(peer)) this.#endpoints.remove(endpoint, peer);
    if (peer.left === 0) this.#complete--;
    if (peer.member) this.#members--;
    this.#capacities.replace(shareOf(peer), undefined);
    return peer;
  }

  /** Takes in what an earlier tracker process knew. Members are expected to open their feed again. */
  restore(members: Iterable<SwarmPeer>, totals: SwarmTotals, now: number): void {
    for (const saved of members) {
      const { peerId, asn, left, key, member, source } = saved;
      const peer = this.#add(peerId, asn, source, saved.joinedAt);
      peer.announcedAt = saved.announcedAt;
      peer.left = left;
      if (left === 0) this.#complete++;
      if (key !== undefined) peer.key = key;
      if (member) {
        peer.member = { ...member, openFeeds: 0, feedClosedAt: now };
        this.#members++;
      }
      if (saved.isOrigin) peer.isOrigin = true;
      this.#capacities.replace(undefined, shareOf(peer));
      for (const endpoint of endpointsOf(saved)) this.#move(peer, endpoint);
    }
    this.#totals = { ...totals };
  }

  feedOpened(peerId: PeerId): void {
    this.#changeMember(peerId, (member) => {
      member.openFeeds++;
    });
  }

  /** A poll may open before the one it replaces closes, so they are counted. */
  feedClosed(peerId: PeerId, now: number): void {
    this.#changeMember(peerId, (member) => {
      member.openFeeds = Math.max(0, member.openFeeds - 1);
      member.feedClosedAt = now;
    });
  }

  /** That the member polls no more is no sign of its being gone: it need not, or was told not to. */
  expectNoFeed(peerId: PeerId): void {
    this.#changeMember(peerId, (member) => {
      delete member.feedClosedAt;
    });
  }

  #add(peerId: PeerId, asn: Asn, source: Address, now: number): Mutable<SwarmPeer> {
    const peer: Mutable<SwarmPeer> = { peerId, asn, source, left: -1, joinedAt: now, announcedAt: now };
    this.#peers.set(peerId, peer);
    this.everyone.add(peer);
    let local = this.#byAsn.get(asn);
    if (!local) {
      local = new Bag<SwarmPeer>(this.#random);
      this.#byAsn.set(asn, local);
    }
    local.add(peer);
    return peer;
  }

  #updateMember(peer: Mutable<SwarmPeer>, said: NonNullable<Registration["member"]>): void {
    const { member } = peer;
    if (!member) this.#members++;
    this.#countPayload(peer, said);
    peer.member = {
      ...said,
      openFeeds: member?.openFeeds ?? 0,
      ...(member?.feedClosedAt !== undefined ? { feedClosedAt: member.feedClosedAt } : {}),
    };
  }

  #changeMember(peerId: PeerId, change: (member: Mutable<SwarmMember>) => void): void {
    const peer = this.#peers.get(peerId);
    if (peer?.member) change(peer.member);
  }

  #move(peer: Mutable<SwarmPeer>, endpoint: Endpoint): void {
    const family = isIPv6(endpoint.address) ? "ipv6" : "ipv4";
    const old = peer[family];
    if (old && old.port === endpoint.port && old.address === endpoint.address) return;
    if (old) this.#endpoints.remove(old, peer);
    this.#endpoints.add(endpoint, peer);
    peer[family] = endpoint;
  }
}

function shareOf({ asn, isOrigin = false, member }: SwarmPeer): AsShare {
  return { asn, isOrigin, ...(member ? { up: member.capacity?.up ?? 0 } : {}) };
}
