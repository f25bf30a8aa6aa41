import type { ClaimAccounts } from "@cachetorrent/claims";
import { type CtAnswer, hasLeaders, isInternal, LIMITS, type PeerEntry } from "@cachetorrent/protocol";
import type { Exchange } from "../exchange/exchange.ts";
import type { ExchangeWatcher } from "../exchange/exchange-parts.ts";
import { Escape } from "../indirect/escape.ts";
import { ActingRole } from "./acting-role.ts";
import { type DeskSurroundings, Desks } from "./desks.ts";
import type { WayOut } from "./follower.ts";
import { IndependentRole } from "./independent.ts";
import type { Grants, Role } from "./role.ts";
import { roleFor } from "./role-for.ts";
import { Standing } from "./standing.ts";

export interface DutiesParts extends DeskSurroundings {
  readonly uploadSlots: number;
  /** Somebody knows a newer term than we do: the tracker is asked. */
  refresh(): void;
}

const { cache, election, tracker } = LIMITS;

/**
 * What a peer is in its swarm, by its tracker's word, and what follows from it: its role, what its desks do for it, the way from
 * one role to another, and the way out when nobody leads.
 */
export class Duties implements WayOut {
  readonly #parts: DutiesParts;
  readonly #desks: Desks;
  readonly #escape: Escape;
  readonly #acting: ActingRole;
  #ct: CtAnswer | undefined;
  #standing: Standing | undefined;
  #pendingSince: number;
  #refreshedAt = Number.NEGATIVE_INFINITY;

  /** The exchange is made with the role and the watcher that it is given here. */
  constructor(parts: DutiesParts, makeExchange: (role: Role, watcher: ExchangeWatcher) => Exchange) {
    const { clock, neighbours, random, settled } = parts;
    this.#parts = parts;
    this.#pendingSince = clock.now();
    this.#desks = new Desks(
      {
        ...parts,
        standing: () => this.#standing,
        term: () => this.term,
        outdated: () => this.#refresh(clock.now()),
        held: (piece) => this.#held(piece),
      },
      (watcher) => makeExchange(this.#roleOf(undefined), watcher),
    );
    const { claims, exchange } = this.#desks;
    this.#acting = new ActingRole(exchange, parts.ledger);
    this.#escape = new Escape({
      random,
      settled,
      connections: exchange.connections,
      asn: () => parts.ledger.asn,
      isFollowed: (piece) => claims.isFollowing || !this.#standing?.leads(piece),
      opened: () => neighbours.reconsider(),
      used: (isStarved) => this.#escaped(isStarved),
      changed: () => exchange.roleRulesChanged(),
    });
  }

  /** What the books that we kept have seen. */
  get claims(): ClaimAccounts {
    return this.#desks.claims.accounts;
  }

  get exchange(): Exchange {
    return this.#desks.exchange;
  }

  /** Of the policy `coordinated`, as roles look at them: they are older than the desk. */
  readonly #grants: Grants = {
    applyTo: (connection) => this.#desks.claims.applyTo(connection),
    granted: (connection) => this.#desks.claims.granted(connection),
    isWorthwhile: (connection) => this.#desks.claims.isWorthwhile(connection),
    isBookkeeper: (connection) => this.#desks.claims.isBookkeeper(connection),
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

  /** With nobody connected and nothing missing, does nothing become due by the mere passing of time? */
  get areAtRest(): boolean {
    return this.#acting.isSettled && !this.#desks.claims.isFollowing;
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
    this.#desks.claims.confirmed();
  }

  /** There is no tracker that knows of ASes. */
  heardNothing(): void {
    if (!this.#ct) this.#become(new IndependentRole(this.#parts.uploadSlots), this.#parts.clock.now());
  }

  /** The tracker told of peers. */
  learn(peers: readonly PeerEntry[]): void {
    const { asn } = this.#parts.ledger;
    this.#desks.learn(peers.filter((peer) => !isInternal(peer.asn, asn)).map((peer) => peer.endpoint));
  }

  sweep(now: number): void {
    // Else nothing changes by the mere passing of time.
    if (this.#acting.name === "pending") this.#reconsider(now);
    this.#desks.sweep(now);
    if (this.#desks.claims.isSuspended) this.#refresh(now);
    this.#tendEscape(now);
    this.#acting.sweep(now);
  }

  /** Other pieces are wanted than before. */
  selectionChanged(): void {
    this.#desks.selectionChanged();
    this.#endIfSettled();
  }

  /** The peer leaves: what it claimed is free for others at once. */
  leave(): void {
    this.#desks.claims.follow(undefined);
  }

  #held(piece: number): void {
    if (this.#parts.settled.isFull) this.#endIfSettled();
    else this.#escape.held(piece, this.#parts.clock.now());
  }

  #endIfSettled(): void {
    if (!this.#parts.settled.isFull) return;
    this.#escape.close();
    this.#desks.closeIndirect("complete");
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
    this.#desks.follow(standing, isSameOffice);
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
    const arrivals = this.#desks.arrivals(now);
    if (arrivals) this.#escape.sweep(now, arrivals);
  }

  #escaped(isStarved: boolean): void {
    const { ledger, log } = this.#parts;
    const why = isStarved
      ? `nothing has come for ${cache.starvedMs / 1000} s, though leaders answer`
      : `no leader has answered and nothing has come for ${cache.escapeMs / 1000} s`;
    ledger.escaped();
    if (isStarved) this.#desks.distrustAll();
    log.warn(
      { event: "escape", asn: ledger.asn, term: this.term },
      `${why}: fetching from outside, one piece at a time`,
    );
  }
}

/** Leaders should be elected, and were not yet. */
function isAwaiting(ct: CtAnswer): boolean {
  return hasLeaders(ct.policy) && !ct.leaders?.leaders.length;
}

function sameRanges(a: ReadonlySet<number>, b: ReadonlySet<number>): boolean {
  return a.size === b.size && [...a].every((range) => b.has(range));
}
