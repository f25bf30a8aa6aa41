import { Seldom } from "@cachetorrent/clock";
import { Election, type ElectionOptions, type LeadersChanged, rangesLed } from "@cachetorrent/election";
import {
  type Address,
  type Asn,
  type CtAnswer,
  formatEndpoint,
  hasLeaders,
  type InfoHash,
  LIMITS,
  type PeerId,
  rangesOf,
  type ScrapeEntry,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import { ElectionKeeper } from "./election-keeper.ts";
import { expiresAt } from "./expiry.ts";
import { type AskingPeer, memberAnswer } from "./member-answer.ts";
import { type CompleteTrackerOptions, completeOptions, type TrackerOptions } from "./options.ts";
import { PeerQuota } from "./peer-quota.ts";
import { checkPolicies, policyOf } from "./policies.ts";
import type { RefusalReason } from "./refusal.ts";
import { encodeSavedSwarm, type SavedSwarm } from "./saved-swarm.ts";
import type { Swarm } from "./swarm.ts";
import { endpointsOf, type SwarmPeer } from "./swarm-peer.ts";

/** Often enough for a leader that vanished to be missed a minute after its feed closed. */
const SWEEP_MS = 5000;

export type LeadersListener = (infoHash: InfoHash, change: LeadersChanged) => void;

export interface RefusedRequest {
  readonly route: string;
  /** Undefined when the client was gone. */
  readonly address: Address | undefined;
}

/** The tracker without its HTTP: the swarms and their elections, kept in step. */
export class Tracker {
  readonly options: CompleteTrackerOptions;
  readonly elections: ElectionKeeper;
  readonly quota: PeerQuota;
  readonly #listeners = new Set<LeadersListener>();
  readonly #dropListeners = new Set<(infoHash: InfoHash) => void>();
  readonly #grown = new Set<InfoHash>();
  readonly #strangers: Seldom<Address>;
  readonly #refusals: Seldom<RefusedRequest>;
  readonly #impostors: Seldom<{ readonly infoHash: InfoHash; readonly address: Address }>;
  readonly #stopListening: () => void;
  readonly #sweeper: { cancel(): void };

  /** @throws CtError CT_ERR_CONFIG where a policy cannot have so many leaders. */
  constructor(options: TrackerOptions) {
    this.options = completeOptions(options);
    const { clock, policies, state } = this.options;
    checkPolicies(policies);
    this.quota = new PeerQuota(this.options);
    this.elections = new ElectionKeeper({
      clock,
      election: (infoHash) => this.electionOptions(infoHash),
      onInput: (infoHash) => state?.changed(infoHash),
      onLeadersChanged: (infoHash, changes) => {
        for (const change of changes) this.#leadersChanged(infoHash, change);
      },
    });
    this.#strangers = new Seldom(clock, (_kind, { count, last }) =>
      this.options.log.info(
        { event: "unknown AS", count, address: last },
        "peers joined whose AS is in no table or route database",
      ),
    );
    this.#refusals = new Seldom(clock, (reason, { count, last }) =>
      this.options.log.info({ event: "refusals", reason, count, ...last }, "requests refused"),
    );
    this.#impostors = new Seldom(clock, (_kind, { count, last }) =>
      this.options.log.info(
        { event: "impostors", count, ...last },
        "announces under the id of a peer at another address, without its key: they change nothing",
      ),
    );
    state?.attach((infoHash) => this.#state(infoHash));
    for (const saved of this.options.saved) this.#restore(saved);
    this.#dropWithdrawn();
    this.#stopListening = this.options.access.onReplaced(() => this.#dropWithdrawn());
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
  }

  /** `listener` hears of every new result of an electorate. */
  onLeadersChanged(listener: LeadersListener): void {
    this.#listeners.add(listener);
  }

  /** `listener` hears of every swarm that is served no more, with all its peers. */
  onSwarmDropped(listener: (infoHash: InfoHash) => void): void {
    this.#dropListeners.add(listener);
  }

  /** How a swarm elects: a policy under which leaders have duties says it itself. */
  electionOptions(infoHash: InfoHash): ElectionOptions {
    const { policies, quorum } = this.options;
    const policy = policyOf(policies, infoHash);
    const { leaderPercent, deadlineMs } = hasLeaders(policy) ? policy : this.options;
    const isCoordinated = policy.name === "coordinated";
    // Where all fetch, who leads only keeps the book: whoever comes first does, and nobody waits for an election.
    const enough = isCoordinated && policy.fetchers === "all" ? 1 : quorum;
    return {
      leaderPercent,
      deadlineMs,
      ranges: rangesOf(policy),
      leastLeaders: isCoordinated ? 2 : 1,
      ...(enough === undefined ? {} : { quorum: enough }),
    };
  }

  /** What a member of the swarm is told of its leaders; undefined for anybody else. */
  tellLeaders(infoHash: InfoHash, peerId: PeerId, source: Address): CtAnswer | undefined {
    const swarm = this.options.store.get(infoHash);
    const peer = swarm?.get(peerId);
    return swarm && peer?.member ? this.memberAnswer(swarm, { peer, source }) : undefined;
  }

  memberAnswer(swarm: Swarm, asking: AskingPeer): CtAnswer {
    const { clock, policies, random } = this.options;
    const election = this.elections.get(swarm.infoHash);
    const policy = policyOf(policies, swarm.infoHash);
    const answer = memberAnswer(asking, swarm, election, policy, random);
    return policy.name === "coordinated" ? { ...answer, ases: swarm.ases(clock.now()) } : answer;
  }

  /** Swarms that the tracker doesn't know are left out. */
  scrape(infoHashes: readonly InfoHash[]): Map<InfoHash, ScrapeEntry> {
    const entries = new Map<InfoHash, ScrapeEntry>();
    for (const infoHash of infoHashes) {
      const swarm = this.options.store.get(infoHash);
      if (!swarm) continue;
      const { complete, incomplete, totals } = swarm;
      entries.set(infoHash, { complete, downloaded: totals.downloaded, incomplete });
    }
    return entries;
  }

  /** A peer stopped, expired, or was replaced by another one at its endpoint. */
  removePeer(swarm: Swarm, peer: SwarmPeer): void {
    if (swarm.remove(peer.peerId)) this.quota.remove(peer.source);
    this.resign(swarm, peer.peerId);
    if (swarm.size === 0) this.#forget(swarm.infoHash);
  }

  /** A member is one no more: it neither reports nor leads. As a stock client it may stay in the swarm. */
  resign({ infoHash }: Swarm, peerId: PeerId): void {
    if (!this.elections.get(infoHash)) return;
    this.elections.apply(infoHash, (election, now) => election.leave(peerId, now));
  }

  /** A member began to listen to its leaders feed. */
  feedOpened(infoHash: InfoHash, peerId: PeerId): void {
    this.options.store.get(infoHash)?.feedOpened(peerId);
    this.elections.watch(infoHash, (election) => election.feedOpened(peerId));
  }

  feedClosed(infoHash: InfoHash, peerId: PeerId): void {
    const swarm = this.options.store.get(infoHash);
    swarm?.feedClosed(peerId, this.options.clock.now());
    if (swarm) this.considerFeed(swarm, peerId);
    this.elections.watch(infoHash, (election, now) => election.feedClosed(peerId, now));
  }

  /** The member was told to poll by announcing. */
  feedRefused(infoHash: InfoHash, peerId: PeerId): void {
    this.options.store.get(infoHash)?.expectNoFeed(peerId);
  }

  /** Complete peers that lead nothing poll no more: nobody is to wait for it. */
  considerFeed(swarm: Swarm, peerId: PeerId): void {
    const peer = swarm.get(peerId);
    if (peer?.left === 0 && !this.#leads(swarm, peer)) swarm.expectNoFeed(peerId);
  }

  /** For the operator: a member with a wrong token believes that the tracker is broken. */
  refused(reason: RefusalReason, request: RefusedRequest): void {
    this.#refusals.add(reason, request);
  }

  /** Somebody announced under another peer's id. For the operator: to stop or to replace a leader, perhaps. */
  impersonated(infoHash: InfoHash, address: Address): void {
    this.#impostors.add("impostors", { infoHash, address });
  }

  /** The AS of an address, 0 where nobody knows it: of that the operator hears, if anything is known at all. */
  asOf(address: Address): Asn {
    const { resolver } = this.options;
    const asn = resolver.resolve(address);
    if (asn === undefined && !resolver.isEmpty) this.#strangers.add("unknown AS", address);
    return asn ?? UNKNOWN_ASN;
  }

  /** The swarm's sums grew. Too often to save each time; nothing is decided by them. */
  sumsGrew(swarm: Swarm): void {
    this.#grown.add(swarm.infoHash);
  }

  /** Saves what is not saved yet. */
  async stop(): Promise<void> {
    this.#sweeper.cancel();
    this.#stopListening();
    this.#strangers.stop();
    this.#refusals.stop();
    this.#impostors.stop();
    for (const infoHash of this.#grown) this.options.state?.changed(infoHash);
    await this.options.state?.flush();
    this.elections.stop();
  }

  #restore({ infoHash, members, totals, election: snapshot }: SavedSwarm): void {
    // Its members have left, stock clients may have been there: what comes back starts anew.
    if (members.length === 0) {
      this.options.state?.changed(infoHash);
      return;
    }
    const now = this.options.clock.now();
    const election = Election.restore(this.electionOptions(infoHash), snapshot);
    election.allFeedsClosed(now);
    const swarm = this.options.store.open(infoHash);
    swarm.restore(members, totals, now);
    for (const { source } of members) this.quota.add(source);
    // Without an endpoint nobody could reach it, and nothing would ever expire it.
    for (const { peerId } of election.members()) if (!swarm.get(peerId)) election.leave(peerId, now);
    this.elections.adopt(infoHash, election);
    for (const { peerId } of members) this.considerFeed(swarm, peerId);
  }

  /**
   * Peers of an info-hash that is allowed no more are dropped at once: until they expired they would be handed to
   * nobody, but shown, saved, and waited for. Their next announce, `stopped` too, is refused.
   */
  #dropWithdrawn(): void {
    const { access, store } = this.options;
    const withdrawn = [...store.swarms()].filter(({ infoHash }) => access.checkInfoHash(infoHash));
    if (withdrawn.length === 0) return;
    const peers = withdrawn.reduce((sum, { size }) => sum + size, 0);
    for (const swarm of withdrawn) this.#drop(swarm);
    this.options.log.info(
      { event: "swarms dropped", swarms: withdrawn.length, peers },
      "swarms that are not on the allow-list were dropped",
    );
  }

  #drop(swarm: Swarm): void {
    for (const { source } of swarm.peers()) this.quota.remove(source);
    this.#forget(swarm.infoHash);
    for (const listener of this.#dropListeners) listener(swarm.infoHash);
  }

  #forget(infoHash: InfoHash): void {
    this.options.store.delete(infoHash);
    this.#grown.delete(infoHash);
    this.elections.delete(infoHash);
    this.options.state?.changed(infoHash);
  }

  #state(infoHash: InfoHash): string | undefined {
    const swarm = this.options.store.get(infoHash);
    const election = this.elections.get(infoHash);
    return swarm && election ? encodeSavedSwarm(swarm, election.snapshot()) : undefined;
  }

  #leads(swarm: Swarm, { asn, peerId }: SwarmPeer): boolean {
    return this.elections.get(swarm.infoHash)?.result(asn)?.leaders.includes(peerId) ?? false;
  }

  #sweep(): void {
    const { clock, store, intervalMs } = this.options;
    const now = clock.now();
    for (const swarm of store.swarms()) {
      for (const peer of swarm.peers()) {
        if (now >= expiresAt(peer, intervalMs)) this.removePeer(swarm, peer);
      }
    }
  }

  #leadersChanged(infoHash: InfoHash, change: LeadersChanged): void {
    const { asn, term } = change;
    const swarm = this.options.store.get(infoHash);
    const led = rangesLed(change);
    const leaders = change.leaders.slice(0, LIMITS.tracker.leadersListed).map((peerId) => {
      const peer = swarm?.get(peerId);
      const ranges = led.get(peerId);
      return {
        peerId,
        endpoints: peer ? endpointsOf(peer).map(formatEndpoint) : [],
        ...(ranges ? { ranges } : {}),
      };
    });
    this.options.log.info({ event: "leaders changed", infoHash, asn, term, leaders }, "leaders changed");
    for (const listener of this.#listeners) listener(infoHash, change);
  }
}
