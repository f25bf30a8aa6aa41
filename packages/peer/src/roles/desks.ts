import type { Clock, Random } from "@cachetorrent/clock";
import {
  type CtCacheBody,
  type CtCacheMessage,
  type Endpoint,
  isClaimMessage,
  isInternal,
  type PeerId,
  type PieceSet,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentLedger } from "../accounts/ledger.ts";
import { ClaimDesk } from "../claiming/claim-desk.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { ExchangeWatcher } from "../exchange/exchange-parts.ts";
import type { Arrivals } from "../indirect/escape.ts";
import { FollowerDesk } from "../indirect/follower-desk.ts";
import { LeaderDesk } from "../indirect/leader-desk.ts";
import type { Neighbours } from "../neighbours/neighbours.ts";
import type { Connection } from "../wire/connection.ts";
import type { Standing } from "./standing.ts";

/** What of its torrent there is beside the exchange. */
export interface DeskSurroundings {
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
  /** The declared upload capacity, bytes/s. */
  readonly up: number;
  readonly pieceLength: number;
  readonly neighbours: Neighbours;
  /** The tracker is told of a leader that does not do its duty. */
  report(leader: PeerId): void;
}

export interface DesksParts extends DeskSurroundings {
  /** The result that is acted by. */
  standing(): Standing | undefined;
  /** Its term. */
  term(): number;
  /** A member of our AS knows a newer term than we do. */
  outdated(): void;
  /** We hold one more piece, and all desks know. */
  held(piece: number): void;
}

/**
 * Who deals with whom: with the followers of a leader, with the leaders of a follower, with those who claim. What the exchange
 * tells goes to each of them that it concerns.
 */
export class Desks implements ExchangeWatcher {
  readonly claims: ClaimDesk;
  readonly exchange: Exchange;
  readonly #parts: DesksParts;
  readonly #leader: LeaderDesk;
  readonly #follower: FollowerDesk;
  /** When payload last came. */
  #receivedAt: number;

  /** The exchange is made with the watcher that it is given here. */
  constructor(parts: DesksParts, makeExchange: (watcher: ExchangeWatcher) => Exchange) {
    const { clock, neighbours } = parts;
    this.#parts = parts;
    this.#receivedAt = clock.now();
    this.exchange = makeExchange(this);
    const { connections, downloads } = this.exchange;
    const tell = (connection: Connection, body: CtCacheBody) =>
      connection.tell({ ...body, term: parts.term() });
    this.#leader = new LeaderDesk({
      ...parts,
      connections,
      tell,
      connectionTo: (endpoint) => neighbours.connectionTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
      isListed: (endpoint) => neighbours.isListed(endpoint),
      asnOf: (address) => neighbours.asnOf(address),
      locate: (endpoint) => neighbours.locate(endpoint),
      dial: (endpoint) => neighbours.dialTo(endpoint, true),
      requests: downloads,
    });
    this.#follower = new FollowerDesk({
      ...parts,
      connections,
      forwarded: downloads.forwarded,
      pickIndirectly: (pieces, accepts) => downloads.pickIndirectly(pieces, accepts),
      tell,
      dial: (endpoint) => neighbours.dialTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
    });
    this.claims = new ClaimDesk({
      ...parts,
      connections,
      downloads,
      tell,
      dial: (endpoint) => neighbours.dialTo(endpoint),
      connectionTo: (endpoint) => neighbours.connectionTo(endpoint),
      isOutOfReach: (endpoint) => neighbours.isOutOfReach(endpoint),
      locate: (endpoint) => neighbours.locate(endpoint),
      changed: (connection) => this.exchange.interest.recountGranted(connection),
      isHoldingBack: () => this.exchange.isHoldingBack,
    });
  }

  /** What an escape depends on; undefined where there is nobody to wait for. */
  arrivals(now: number): Arrivals | undefined {
    const desks = [this.#follower, this.claims].filter((desk) => desk.isFollowing);
    if (desks.length === 0) return undefined;
    // Who keeps the book has nobody to distrust: what is free it grants to itself. Who asks for nothing gets nothing.
    const asksNobody = this.claims.isKeepingBook || this.exchange.downloads.isPaused;
    return {
      answeredAt: Math.max(...desks.map((desk) => desk.answeredAt)),
      receivedAt: asksNobody ? now : this.#receivedAt,
    };
  }

  /** Those who answer, and from whom nothing comes. */
  distrustAll(): void {
    for (const desk of [this.#follower, this.claims]) desk.distrustAll();
  }

  /** The tracker told of peers. */
  learn(peers: readonly Endpoint[]): void {
    this.#follower.learn(peers);
  }

  /** There is a new result. `isSameOffice`: what we do as a leader goes on. */
  follow(standing: Standing, isSameOffice: boolean): void {
    if (!isSameOffice) this.#leader.leaveOffice();
    if (standing.role !== "leader") this.closeIndirect("leads no more");
    const isFollowing =
      standing.role === "follower" || (standing.role === "leader" && standing.own.size < standing.ranges);
    this.#follower.follow(isFollowing ? standing : undefined);
    this.claims.follow(standing.isClaiming ? standing : undefined);
  }

  sweep(now: number): void {
    this.#leader.sweep(now);
    this.#follower.sweep(now);
    this.claims.sweep(now);
  }

  /** Other pieces are wanted than before. */
  selectionChanged(): void {
    // Whoever wanted nothing had nothing to wait for: the time until it escapes begins now.
    this.#receivedAt = this.#parts.clock.now();
    this.#leader.selectionChanged();
    this.claims.selectionChanged();
  }

  /** The connections to those outside that we have for followers alone. */
  closeIndirect(why: string): void {
    for (const connection of this.exchange.connections) if (connection.isIndirect) connection.close(why);
  }

  // What the exchange tells.

  introduced(connection: Connection): void {
    const { endpoint } = connection;
    const isOutside = !isInternal(connection.asn, this.#parts.ledger.asn);
    if (isOutside && endpoint) this.#follower.learn([endpoint]);
    this.claims.met(connection);
  }

  told(connection: Connection, message: CtCacheMessage | UnknownCtCacheMessage): void {
    this.#compareTerms(connection, message.term);
    switch (message.m) {
      case "unknown":
        connection.ignored++;
        return;
      case "leader_start":
        this.#leader.start(connection, message.dest);
        return;
      case "want":
        if (!this.#leader.want(connection, message.pieces)) connection.ignored++;
        return;
      case "leader_stop":
        // Of two leaders that follow each other in different ranges it says which of them it is that stops.
        if (!this.#follower.isAskedFor(connection, message.dest)) {
          this.#leader.stop(connection, message.dest);
          return;
        }
    }
    if (isClaimMessage(message)) {
      if (!this.claims.told(connection, message, message.term)) connection.ignored++;
      return;
    }
    if (!this.#follower.told(connection, message)) connection.ignored++;
  }

  mapped(connection: Connection): void {
    this.#leader.mapped(connection);
    this.claims.mapped(connection);
  }

  has(connection: Connection, piece: number): void {
    this.#leader.has(connection, piece);
    this.#follower.has(connection, piece);
    this.claims.has(connection, piece);
  }

  choked(connection: Connection): void {
    this.claims.choked(connection);
  }

  unchoked(connection: Connection): void {
    this.claims.unchoked(connection);
  }

  received(connection: Connection): void {
    this.#receivedAt = this.#parts.clock.now();
    this.#follower.received(connection);
    this.claims.received(connection);
  }

  fellSilent(connection: Connection): void {
    this.claims.fellSilent(connection);
  }

  snubbed(connection: Connection): void {
    this.claims.snubbed(connection);
  }

  spoiled(connections: ReadonlySet<Connection>, piece: number): void {
    this.claims.spoiled(connections, piece);
  }

  held(piece: number): void {
    this.#leader.held(piece);
    this.#follower.held(piece);
    this.claims.held(piece);
    this.#parts.held(piece);
  }

  /** What we hold can be had from us from now on: until then an initial seed showed little of it. */
  shown(): void {
    // The exchange may tell it while it is being made.
    this.claims?.shown();
  }

  closed(connection: Connection): void {
    this.#leader.closed(connection);
    this.#follower.closed(connection);
    this.claims.closed(connection);
  }

  /** A member of our AS that knows a newer result has heard of it before us, or we were not told of it at all. */
  #compareTerms(connection: Connection, term: number): void {
    const isInside = isInternal(connection.asn, this.#parts.ledger.asn);
    if (isInside && term > this.#parts.term()) this.#parts.outdated();
  }
}
