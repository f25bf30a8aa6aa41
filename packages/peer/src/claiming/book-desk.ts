import { type ClaimAccounts, ClaimBook } from "@cachetorrent/claims";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  type ClaimMessage,
  type CtCacheBody,
  DEFAULT_RELIEF,
  type Endpoint,
  isInternal,
  LIMITS,
  type PeerId,
  type PieceSet,
} from "@cachetorrent/protocol";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";

export interface BookDeskParts {
  readonly clock: Clock;
  readonly random: Random;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  /** Where we can be reached. */
  readonly ours: readonly Endpoint[];
  /** Do we, an initial seed, show our pieces one by one, to our own AS too? */
  isHoldingBack(): boolean;
  tell(connection: Connection, body: CtCacheBody): void;
  /** Our own book's answer to what we asked it. */
  tellOurselves(body: ClaimMessage): void;
}

/** Who has said nothing of itself for so long is a stock client. */
const INTRODUCTION_MS = 2000;

/** The book of our AS while we are its head or standby: its members are those we are connected with, and ourselves. */
export class BookDesk {
  readonly #parts: BookDeskParts;
  /** Ourselves, as a member of our own book. */
  readonly #self = {};
  readonly #members = new Map<Connection, { readonly isStock: boolean }>();
  #book: ClaimBook<object> | undefined;
  #standing: Standing | undefined;
  #fullSince: number | undefined;
  /** No other book of this AS can have granted any of the relief, as far as we know. */
  #isFirst = true;
  #before: ClaimAccounts = { asked: 0, granted: 0, denied: 0, expired: 0 };

  constructor(parts: BookDeskParts) {
    this.#parts = parts;
  }

  /** What all books that we have kept have seen. */
  get accounts(): ClaimAccounts {
    const { asked, denied, expired, granted } = this.#book?.accounts ?? NOTHING;
    return {
      asked: this.#before.asked + asked,
      granted: this.#before.granted + granted,
      denied: this.#before.denied + denied,
      expired: this.#before.expired + expired,
    };
  }

  /** Does it grant? */
  get isGranting(): boolean {
    return this.#book?.isInOffice ?? false;
  }

  /** Somebody spoke of a newer term than the one we act by: the tracker is to be asked. */
  get isSuspended(): boolean {
    return this.#book?.isSuspended ?? false;
  }

  /** A result that makes us head or standby; undefined when we are neither. */
  follow(standing: Standing | undefined): void {
    if (standing?.asn !== this.#standing?.asn) this.#end();
    this.#standing = standing;
    if (standing) this.#book ??= this.#begin(standing);
    else this.#end();
  }

  /** We keep the book now, by the tracker's word or because the head is gone. */
  takeOver(): void {
    const { clock } = this.#parts;
    this.#book?.takeOver(this.#standing?.term ?? 0, clock.now());
  }

  /** Somebody else does. Returns what it must know of us. */
  stepDown(head: PeerId | undefined): ClaimMessage[] {
    const now = this.#parts.clock.now();
    const wasGranting = this.isGranting;
    if (head !== undefined) this.#isFirst = false;
    this.#book?.stepDown(head, this.#standing?.term ?? 0, now);
    return wasGranting ? (this.#book?.openClaims(now) ?? []) : [];
  }

  /** A message of a member; false when we keep no book. */
  told(connection: Connection, body: ClaimMessage, term: number): boolean {
    if (!this.#book || !this.#isInside(connection)) return false;
    this.#enroll(connection);
    this.#book.received(connection, body, term, this.#parts.clock.now());
    return true;
  }

  /** A message of our own. */
  toldByOurselves(body: ClaimMessage): void {
    this.#book?.received(this.#self, body, this.#standing?.term ?? 0, this.#parts.clock.now());
  }

  /** The other side told of itself. */
  met(connection: Connection): void {
    if (this.#book && this.#isInside(connection)) this.#enroll(connection);
  }

  /** The other side told its map of pieces, which comes after what it tells of itself. */
  mapped(connection: Connection): void {
    this.met(connection);
    if (this.#members.has(connection))
      this.#book?.held(connection, connection.theirs, this.#parts.clock.now());
  }

  /** The other side has one more piece. */
  has(connection: Connection, piece: number): void {
    if (this.#members.has(connection)) this.#book?.held(connection, [piece], this.#parts.clock.now());
  }

  /** So have we. */
  held(piece: number): void {
    this.#book?.held(this.#self, [piece], this.#parts.clock.now());
  }

  /** All that we hold can be had from us now. */
  shown(): void {
    this.#book?.held(this.#self, this.#parts.have, this.#parts.clock.now());
  }

  closed(connection: Connection): void {
    if (this.#members.delete(connection)) this.#book?.left(connection, this.#parts.clock.now());
  }

  sweep(now: number): void {
    if (!this.#book) return;
    for (const connection of this.#parts.connections) {
      const isEnrolled = this.#members.has(connection) || !this.#isInside(connection);
      if (!isEnrolled && now - connection.openedAt > INTRODUCTION_MS) this.#enroll(connection);
    }
    this.#book.sweep(now);
    this.#lookForGaps(now);
    for (const [connection, { isStock }] of this.#members) {
      // Members know by it that we live.
      if (!isStock) connection.keepAlive(now, SAYS_EVERY_MS);
    }
  }

  /** Since when everything is taken; looked at only where there is relief. */
  #lookForGaps(now: number): void {
    const { pieceCount } = this.#parts.have;
    let piece = 0;
    if ((this.#standing?.relief ?? 1) > 1) while (piece < pieceCount && this.#book?.isTaken(piece)) piece++;
    if (piece < pieceCount) this.#fullSince = undefined;
    else this.#fullSince ??= now;
  }

  /** A claim from before everything was taken asks for a first copy, from whomever it may be, and does not know better. */
  #mayRelieve(now: number): boolean {
    return this.#fullSince !== undefined && now - this.#fullSince >= RELIEF_AFTER_MS;
  }

  #isInside(connection: Connection): boolean {
    const { asn } = this.#standing ?? {};
    return asn !== undefined && connection.isHandshaken && isInternal(connection.asn, asn);
  }

  /** Who turns out to speak `ct_cache` after all is a member from then on. */
  #enroll(connection: Connection): void {
    const now = this.#parts.clock.now();
    const isStock = !connection.speaksCtCache;
    const before = this.#members.get(connection);
    if (!this.#book || before?.isStock === isStock) return;
    if (isStock && now - connection.openedAt <= INTRODUCTION_MS) return;
    if (before) this.#book.left(connection, now);
    this.#members.set(connection, { isStock });
    this.#book.joined(connection, { claims: !isStock }, now);
    this.#book.held(connection, connection.theirs, now);
  }

  #begin({ relief }: Standing): ClaimBook<object> {
    const { clock, connections, have, ours, random, tell, tellOurselves } = this.#parts;
    const now = clock.now();
    const book = new ClaimBook<object>({
      pieceCount: have.pieceCount,
      tell: (member, body) =>
        member === this.#self ? tellOurselves(body) : tell(member as Connection, body),
      endpointOf: (member) => (member === this.#self ? ours[0] : (member as Connection).endpoint),
      random,
      now,
      relief: this.#isFirst ? relief : DEFAULT_RELIEF,
      // Whoever claims has looked whether the other side is one that relief may come from.
      mayRelieve: () => this.#mayRelieve(clock.now()),
    });
    book.joined(this.#self, { claims: true }, now);
    // What nobody can have from us yet is not in the AS: members may take it from outside, if it is there already.
    if (!this.#parts.isHoldingBack()) book.held(this.#self, have, now);
    this.#book = book;
    for (const connection of connections) this.met(connection);
    return book;
  }

  #end(): void {
    this.#before = this.accounts;
    if (this.#book) this.#isFirst = false;
    this.#book = undefined;
    this.#fullSince = undefined;
    this.#members.clear();
  }
}

/** By then all members have been told that everything is taken. */
const RELIEF_AFTER_MS = 3 * LIMITS.claims.takenMs;

const NOTHING: ClaimAccounts = { asked: 0, granted: 0, denied: 0, expired: 0 };

/** How often who keeps a book says something to its members. */
const SAYS_EVERY_MS = LIMITS.claims.headKeepAliveMs;
