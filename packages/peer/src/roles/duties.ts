import type { ClaimAccounts } from "@cachetorrent/claims";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  type CtAnswer,
  type CtCacheBody,
  type CtCacheMessage,
  type Endpoint,
  hasLeaders,
  isClaimMessage,
  isInternal,
  LIMITS,
  type PeerEntry,
  type PeerId,
  type PieceSet,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentLedger } from "../accounts/ledger.ts";
import { ClaimDesk } from "../claiming/claim-desk.ts";
import type { Exchange, ExchangeWatcher } from "../exchange/exchange.ts";
import { Escape } from "../indirect/escape.ts";
import { FollowerDesk } from "../indirect/follower-desk.ts";
import { LeaderDesk } from "../indirect/leader-desk.ts";
import type { Neighbours } from "../neighbours/neighbours.ts";
import type { Connection } from "../wire/connection.ts";
import { ActingRole } from "./acting-role.ts";
import type { WayOut } from "./follower.ts";
import { IndependentRole } from "./independent.ts";
import type { Grants, Role } from "./role.ts";
import { roleFor } from "./role-for.ts";
import { Standing } from "./standing.ts";

export interface DutiesParts {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly ledger: TorrentLedger;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  /** Those that we hold, or do not want. */
  readonly settled: PieceSet;
  /** Of those that we want: the higher, the sooner. */
  priorityOf(piece: number): number;
  /** Our own endpoints. */
  readonly ours: readonly Endpoint[];
  readonly uploadSlots: number;
  /** The declared upload capacity, bytes/s. */
  readonly up: number;
  readonly pieceLength: number;
  readonly neighbours: Neighbours;
  /** The tracker is told of a leader that does not do its duty. */
  report(leader: PeerId): void;
  /** Somebody knows a newer term than we do: the tracker is asked. */
  refresh(): void;
}

const { cache, election, tracker } = LIMITS;

/**
 * What a peer is in its swarm, by its tracker's word, and what follows from it: its role, its duties as a leader, its
 * dealings as a follower, and the way from one role to another.
 */
export class Duties implements ExchangeWatcher, WayOut {
  readonly #parts: DutiesParts;
  readonly #leaderDesk: LeaderDesk;
  readonly #followerDesk: FollowerDesk;
  readonly #claimDesk: ClaimDesk;
  readonly #escape: Escape;
  readonly #exchange: Exchange;
  readonly #acting: ActingRole;
  #ct: CtAnswer | undefined;
  #standing: Standing | undefined;
  #pendingSince: number;
  /** When payload last came. */
  #receivedAt: number;
  #refreshedAt = Number.NEGATIVE_INFINITY;

  /** The exchange is made with the role and the watcher that it is given here. */
  constructor(parts: DutiesParts, makeExchange: (role: Role, watcher: ExchangeWatcher) => Exchange) {
    const { clock, neighbours, random, settled } = parts;
    this.#parts = parts;
    this.#pendingSince = clock.now();
    this.#receivedAt = clock.now();
    this.#exchange = makeExchange(this.#roleOf(undefined), this);
    this.#acting = new ActingRole(this.#exchange, parts.ledger);
    const { connections, downloads } = this.#exchange;
    const tell = (connection: Connection, body: CtCacheBody) => this.#tell(connection, body);
    this.#leaderDesk = new LeaderDesk({
      ...parts,
      connections,
      standing: () => this.#standing,
      tell,
      connectionTo: (endpoint) => neighbours.connectionTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
      isListed: (endpoint) => neighbours.isListed(endpoint),
      asnOf: (address) => neighbours.asnOf(address),
      locate: (endpoint) => neighbours.locate(endpoint),
      dial: (endpoint) => neighbours.dialTo(endpoint, true),
      requests: downloads,
    });
    this.#followerDesk = new FollowerDesk({
      ...parts,
      connections,
      forwarded: downloads.forwarded,
      pickIndirectly: (pieces, accepts) => downloads.pickIndirectly(pieces, accepts),
      tell,
      dial: (endpoint) => neighbours.dialTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
    });
    this.#claimDesk = new ClaimDesk({
      ...parts,
      connections,
      downloads,
      tell,
      dial: (endpoint) => neighbours.dialTo(endpoint),
      connectionTo: (endpoint) => neighbours.connectionTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
      locate: (endpoint) => neighbours.locate(endpoint),
      changed: (connection) => this.#exchange.interest.recountGranted(connection),
      isHoldingBack: () => this.#exchange.isHoldingBack,
    });
    this.#escape = new Escape({
      random,
      settled,
      connections,
      asn: () => parts.ledger.asn,
      isFollowed: (piece) => this.#claimDesk.isFollowing || !this.#standing?.leads(piece),
      opened: () => neighbours.reconsider(),
      used: (isStarved) => this.#escaped(isStarved),
      changed: () => this.#exchange.roleRulesChanged(),
    });
  }

  /** What the books that we kept have seen. */
  get claims(): ClaimAccounts {
    return this.#claimDesk.accounts;
  }

  get exchange(): Exchange {
    return this.#exchange;
  }

  /** Of the policy `coordinated`, as roles look at them: they are older than the desk. */
  readonly #grants: Grants = {
    applyTo: (connection) => this.#claimDesk.applyTo(connection),
    granted: (connection) => this.#claimDesk.granted(connection),
    isWorthwhile: (connection) => this.#claimDesk.isWorthwhile(connection),
    isBookkeeper: (connection) => this.#claimDesk.isBookkeeper(connection),
  };

  // The way out of an AS without leaders, as roles look at it: they are older than the escape.

  get isOpen(): boolean {
    return this.#escape?.isOpen ?? false;
  }

  get piece(): number | undefined {
    return this.#escape?.piece;
  }

  /** The term of the result that it acts by. */
  get term(): number {
    return this.#standing?.term ?? 0;
  }

  /** May anything be asked for outside now? */
  get fetchesOutside(): boolean {
    return this.#acting.mayFetchOutside || this.#escape.isOpen;
  }

  /** Whether connections of this kind are let in although there are many: a leader is there for its followers. */
  isAlwaysLetIn(asn: number): boolean {
    return this.#standing?.isInOffice === true && asn === this.#standing.asn;
  }

  /** The word of the tracker that is obeyed. */
  heard(ct: CtAnswer): void {
    if (isAwaiting(ct) && !(this.#ct && isAwaiting(this.#ct))) this.#pendingSince = this.#parts.clock.now();
    this.#ct = ct;
    this.#reconsider(this.#parts.clock.now());
    this.#claimDesk.confirmed();
  }

  /** There is no tracker that knows of ASes. */
  heardNothing(): void {
    if (!this.#ct) this.#become(new IndependentRole(this.#parts.uploadSlots), this.#parts.clock.now());
  }

  /** The tracker told of peers. */
  learn(peers: readonly PeerEntry[]): void {
    const { asn } = this.#parts.ledger;
    this.#followerDesk.learn(peers.filter((peer) => !isInternal(peer.asn, asn)).map((peer) => peer.endpoint));
  }

  sweep(now: number): void {
    // Else nothing changes by the mere passing of time.
    if (this.#acting.name === "pending") this.#reconsider(now);
    this.#leaderDesk.sweep(now);
    this.#followerDesk.sweep(now);
    this.#claimDesk.sweep(now);
    if (this.#claimDesk.isSuspended) this.#refresh(now);
    this.#tendEscape(now);
    this.#acting.sweep(now);
  }

  // What the exchange tells.

  introduced(connection: Connection): void {
    const { endpoint } = connection;
    const isOutside = !isInternal(connection.asn, this.#parts.ledger.asn);
    if (isOutside && endpoint) this.#followerDesk.learn([endpoint]);
    this.#claimDesk.met(connection);
  }

  told(connection: Connection, message: CtCacheMessage | UnknownCtCacheMessage): void {
    this.#compareTerms(connection, message.term);
    switch (message.m) {
      case "unknown":
        connection.ignored++;
        return;
      case "leader_start":
        this.#leaderDesk.start(connection, message.dest);
        return;
      case "want":
        if (!this.#leaderDesk.want(connection, message.pieces)) connection.ignored++;
        return;
      case "leader_stop":
        // Of two leaders that follow each other in different ranges it says which of them it is that stops.
        if (!this.#followerDesk.isAskedFor(connection, message.dest)) {
          this.#leaderDesk.stop(connection, message.dest);
          return;
        }
    }
    if (isClaimMessage(message)) {
      if (!this.#claimDesk.told(connection, message, message.term)) connection.ignored++;
      return;
    }
    if (!this.#followerDesk.told(connection, message)) connection.ignored++;
  }

  mapped(connection: Connection): void {
    this.#leaderDesk.mapped(connection);
    this.#claimDesk.mapped(connection);
  }

  has(connection: Connection, piece: number): void {
    this.#leaderDesk.has(connection, piece);
    this.#followerDesk.has(connection, piece);
    this.#claimDesk.has(connection, piece);
  }

  choked(connection: Connection): void {
    this.#claimDesk.choked(connection);
  }

  unchoked(connection: Connection): void {
    this.#claimDesk.unchoked(connection);
  }

  received(connection: Connection): void {
    this.#receivedAt = this.#parts.clock.now();
    this.#followerDesk.received(connection);
    this.#claimDesk.received(connection);
  }

  fellSilent(connection: Connection): void {
    this.#claimDesk.fellSilent(connection);
  }

  snubbed(connection: Connection): void {
    this.#claimDesk.snubbed(connection);
  }

  spoiled(connections: ReadonlySet<Connection>, piece: number): void {
    this.#claimDesk.spoiled(connections, piece);
  }

  held(piece: number): void {
    this.#leaderDesk.held(piece);
    this.#followerDesk.held(piece);
    this.#claimDesk.held(piece);
    if (this.#parts.settled.isFull) this.#endIfSettled();
    else this.#escape.held(piece, this.#parts.clock.now());
  }

  /** Other pieces are wanted than before. */
  selectionChanged(): void {
    // Whoever wanted nothing had nothing to wait for: the time until it escapes begins now.
    this.#receivedAt = this.#parts.clock.now();
    this.#leaderDesk.selectionChanged();
    this.#claimDesk.selectionChanged();
    this.#endIfSettled();
  }

  #endIfSettled(): void {
    if (!this.#parts.settled.isFull) return;
    this.#escape.close();
    this.#closeIndirect("complete");
  }

  closed(connection: Connection): void {
    this.#leaderDesk.closed(connection);
    this.#followerDesk.closed(connection);
    this.#claimDesk.closed(connection);
  }

  /** What we hold can be had from us from now on: until then an initial seed showed little of it. */
  shown(): void {
    // The exchange may tell it while it is being made.
    this.#claimDesk?.shown();
  }

  /** The peer leaves: what it claimed is free for others at once. */
  leave(): void {
    this.#claimDesk.follow(undefined);
  }

  #tell(connection: Connection, body: CtCacheBody): void {
    connection.tell({ ...body, term: this.term });
  }

  /** A member of our AS that knows a newer result has heard of it before us, or we were not told of it at all. */
  #compareTerms(connection: Connection, term: number): void {
    const { clock, ledger } = this.#parts;
    if (term > this.term && isInternal(connection.asn, ledger.asn)) this.#refresh(clock.now());
  }

  #refresh(now: number): void {
    if (now - this.#refreshedAt < cache.refreshMs) return;
    this.#refreshedAt = now;
    this.#parts.refresh();
  }

  #reconsider(now: number): void {
    const { have, peerId, uploadSlots } = this.#parts;
    const waitMs = this.#ct && hasLeaders(this.#ct.policy) ? this.#ct.policy.deadlineMs : election.deadlineMs;
    const hasWaited = now - this.#pendingSince > waitMs + tracker.pendingBeyondDeadlineMs;
    if (!this.#ct) {
      if (hasWaited) this.#become(new IndependentRole(uploadSlots), now);
      return;
    }
    const standing = new Standing(this.#ct, peerId, have.pieceCount, hasWaited);
    if (standing.equals(this.#standing)) return;
    const before = this.#standing;
    this.#standing = standing;
    this.#follow(before, standing, now);
  }

  /** A new result: what was begun under the old one ends, or goes on. */
  #follow(before: Standing | undefined, standing: Standing, now: number): void {
    const isSameOffice =
      before?.role === standing.role &&
      before.isClaiming === standing.isClaiming &&
      before.asn === standing.asn &&
      before.ranges === standing.ranges &&
      sameRanges(before.own, standing.own);
    if (!isSameOffice) this.#leaderDesk.leaveOffice();
    if (standing.role !== "leader") this.#closeIndirect("leads no more");
    const isFollowing =
      standing.role === "follower" || (standing.role === "leader" && standing.own.size < standing.ranges);
    this.#followerDesk.follow(isFollowing ? standing : undefined);
    this.#claimDesk.follow(standing.isClaiming ? standing : undefined);
    if (!isSameOffice) this.#become(this.#roleOf(standing), now);
  }

  #become(role: Role, now: number): void {
    const { ledger, log, neighbours } = this.#parts;
    if (role.name === "independent" && this.#acting.name === "independent") return;
    this.#escape.close();
    this.#acting.become(role, now);
    log.info({ event: "role", role: role.name, term: this.term, asn: ledger.asn }, `acts as ${role.name}`);
    if (this.#acting.mayFetchOutside) neighbours.reconsider();
  }

  #roleOf(standing: Standing | undefined): Role {
    const { ledger, uploadSlots: slots } = this.#parts;
    return roleFor(standing, { slots, asn: () => ledger.asn, wayOut: this, grants: this.#grants });
  }

  #tendEscape(now: number): void {
    if (!this.#standing || this.#parts.settled.isFull) return;
    const desks = [this.#followerDesk, this.#claimDesk].filter((desk) => desk.isFollowing);
    if (desks.length === 0) return;
    const answeredAt = Math.max(...desks.map((desk) => desk.answeredAt));
    // Who keeps the book has nobody to distrust: what is free it grants to itself. Who asks for nothing gets nothing.
    const asksNobody = this.#claimDesk.isKeepingBook || this.#exchange.downloads.isPaused;
    const receivedAt = asksNobody ? now : this.#receivedAt;
    this.#escape.sweep(now, { answeredAt, receivedAt });
  }

  #escaped(isStarved: boolean): void {
    const { ledger, log } = this.#parts;
    const why = isStarved
      ? `nothing has come for ${cache.starvedMs / 1000} s, though leaders answer`
      : `no leader has answered and nothing has come for ${cache.escapeMs / 1000} s`;
    ledger.escaped();
    if (isStarved) for (const desk of [this.#followerDesk, this.#claimDesk]) desk.distrustAll();
    log.warn(
      { event: "escape", asn: ledger.asn, term: this.term },
      `${why}: fetching from outside, one piece at a time`,
    );
  }

  #closeIndirect(why: string): void {
    for (const connection of this.#exchange.connections) if (connection.isIndirect) connection.close(why);
  }
}

/** Leaders should be elected, and were not yet. */
function isAwaiting(ct: CtAnswer): boolean {
  return hasLeaders(ct.policy) && !ct.leaders?.leaders.length;
}

function sameRanges(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((range) => b.has(range));
}
