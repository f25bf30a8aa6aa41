import {
  type ClaimAccounts,
  type ClaimClient,
  type HeadFault,
  type HeadPort,
  LocalHeadPort,
} from "@cachetorrent/claims";
import { type Asn, type ClaimMessage, isInternal, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { Grants } from "../roles/role.ts";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";
import { BookDesk } from "./book-desk.ts";
import { type Bookkeeper, Bookkeepers } from "./bookkeepers.ts";
import type { ClaimDeskParts } from "./claim-desk-parts.ts";
import { HandOver } from "./hand-over.ts";
import { HeadTrip } from "./head-trip.ts";
import { memberClient } from "./member-client.ts";
import { OutOfReach } from "./out-of-reach.ts";
import { Outside } from "./outside.ts";

/**
 * A member's part in the policy `coordinated`: what it fetches outside it claims first, from whoever keeps the book of its AS; and
 * when that is its own office it keeps the book. The rules are those of the package claims; here they meet the connections.
 */
export class ClaimDesk implements Grants {
  readonly #parts: ClaimDeskParts;
  readonly #bookkeepers: Bookkeepers;
  readonly #book: BookDesk;
  readonly #outside: Outside;
  readonly #outOfReach: OutOfReach;
  readonly #toOurselves: LocalHeadPort;
  readonly #handOver = new HandOver();
  #client: ClaimClient<Connection>;
  #standing: Standing | undefined;
  /** Whom we ask; what it was when we last looked. */
  #asked: Bookkeeper;
  #port: HeadPort | undefined;
  readonly #trip = new HeadTrip();

  constructor(parts: ClaimDeskParts) {
    const { clock, connections, downloads, settled } = parts;
    this.#parts = parts;
    this.#outside = new Outside({
      ...parts,
      isOutside: (connection) => this.applyTo(connection),
      isBegun: (piece) => downloads.hasBytesOf(piece),
    });
    this.#bookkeepers = new Bookkeepers(parts);
    this.#toOurselves = new LocalHeadPort(
      (body) => this.#book.toldByOurselves(body),
      (body) => this.#client.received(body, clock.now()),
    );
    this.#book = new BookDesk({
      ...parts,
      tellOurselves: (body) => this.#toOurselves.tell(body),
    });
    this.#outOfReach = new OutOfReach({
      ...parts,
      isTaken: (piece) => this.#client.isTaken(piece),
      onItsWayMs: () => this.#client.onItsWayMs,
      restMs: () => this.#client.restMs,
      holdersOf: (piece) =>
        [...connections].filter((one) => one.isOpen && !this.applyTo(one) && one.theirs.has(piece)),
      missing: (piece, now) => this.#client.missing(piece, now),
      asn: () => this.#asn,
      isMissing: (piece) => !settled.has(piece),
      lacks: (piece, endpoint) => this.#client.holderLacks(piece, endpoint),
      didNotServe: (piece, endpoint) => this.#client.didNotServe(piece, endpoint),
    });
    this.#client = this.#makeClient();
  }

  /** Do we fetch outside what is granted? */
  get isFollowing(): boolean {
    return this.#standing !== undefined;
  }

  /** When head or standby last answered, or was there and owed no answer. */
  get answeredAt(): number {
    return this.#bookkeepers.answeredAt;
  }

  /** Do we keep the book of our AS now? */
  get isKeepingBook(): boolean {
    return this.#asked === "ourselves";
  }

  /** What the books that we kept have seen. */
  get accounts(): ClaimAccounts {
    return this.#book.accounts;
  }

  /** Somebody spoke of a newer term than the one our book acts by: the tracker is to be asked. */
  get isSuspended(): boolean {
    return this.#book.isSuspended;
  }

  /** A result under which pieces are claimed; undefined when they are not, or not by us. */
  follow(standing: Standing | undefined): void {
    const now = this.#parts.clock.now();
    if (this.#standing && standing?.asn !== this.#standing.asn) this.#leave(now);
    const isNew = standing !== undefined && standing.asn !== this.#standing?.asn;
    this.#standing = standing;
    this.#bookkeepers.follow(standing);
    const isOurs = standing !== undefined && this.#bookkeepers.current() === "ourselves";
    // Before the book is closed: what it granted is still good.
    if (!isOurs) this.#stepDown(now);
    this.#book.follow(this.#bookkeepers.isInOffice ? standing : undefined);
    // Said again in each term: a book that acts by an older one than its members does not grant.
    if (isOurs) this.#book.takeOver();
    else this.#stepDown(now);
    this.#settle(now);
    if (isNew) this.#meetWilling();
  }

  /** Other pieces are wanted than before: grants for what is not go to others. */
  selectionChanged(): void {
    for (const piece of this.#parts.settled) this.#client.renounced(piece);
    this.#meetWilling();
    this.#flush();
  }

  #meetWilling(): void {
    for (const connection of this.#parts.connections) {
      if (this.applyTo(connection) && connection.isHandshaken && !connection.isChoked)
        this.unchoked(connection);
    }
  }

  /** The tracker has spoken: it has named us head, or it has not. */
  confirmed(): void {
    if (this.isSuspended && this.#bookkeepers.current() === "ourselves") this.#book.takeOver();
    this.#flush();
  }

  distrustAll(): void {
    this.#bookkeepers.distrustAll();
  }

  // What roles ask.

  applyTo(connection: Connection): boolean {
    return this.#standing !== undefined && !isInternal(connection.asn, this.#standing.asn);
  }

  granted(connection: Connection): readonly number[] {
    return this.#client.requestable(connection);
  }

  isWorthwhile(connection: Connection): boolean {
    const { settled } = this.#parts;
    if (settled.isFull) return false;
    if (connection.theirs.hasBeyond(settled, this.#client.taken)) return true;
    return this.#client.isOfUse(connection);
  }

  isBookkeeper(connection: Connection): boolean {
    return this.#bookkeepers.isWith(connection);
  }

  // What happens.

  /** A message about claims; false when it is out of place. */
  told(connection: Connection, body: ClaimMessage, term: number): boolean {
    const isFromHead = FROM_HEAD.has(body.m);
    if (isFromHead && connection !== this.#asked) return false;
    if (isFromHead) this.#answered(body);
    else if (!this.#book.told(connection, body, term)) {
      if (body.m === "claim") this.#deny(connection, body.q);
      return false;
    }
    this.#flush();
    return true;
  }

  met(connection: Connection): void {
    this.#book.met(connection);
    // What a head says first is what is taken: it must be known by then that this is the head.
    if (this.#standing) this.#lookForBookkeeper();
    this.#flush();
  }

  mapped(connection: Connection): void {
    this.#book.mapped(connection);
    this.#flush();
  }

  has(connection: Connection, piece: number): void {
    if (!this.#standing) return;
    this.#book.has(connection, piece);
    if (this.applyTo(connection)) this.#client.neighbourGained(connection, piece, this.#parts.clock.now());
    this.#flush();
  }

  unchoked(connection: Connection): void {
    if (!this.applyTo(connection) || this.#parts.settled.isFull) return;
    this.#client.neighbourUnchoked(connection, this.#parts.clock.now());
    this.#flush();
  }

  choked(connection: Connection): void {
    this.#client.neighbourChoked(connection, this.#parts.clock.now());
    this.#flush();
  }

  received(connection: Connection): void {
    if (!this.applyTo(connection)) return;
    this.#client.bytesCame(connection, this.#parts.clock.now());
    this.#flush();
  }

  /** It lets requests lie. */
  snubbed(connection: Connection): void {
    if (!this.applyTo(connection)) return;
    const now = this.#parts.clock.now();
    for (const piece of this.#client.requestable(connection)) this.#client.stalled(connection, piece, now);
    this.#flush();
  }

  /** It may be cut off. */
  fellSilent(connection: Connection): void {
    this.#client.neighbourSilent(connection);
    this.#flush();
  }

  /** What came of a piece is not what it should be. */
  spoiled(connections: Iterable<Connection>, piece: number): void {
    const now = this.#parts.clock.now();
    for (const connection of connections) this.#client.badData(connection, piece, now);
    this.#flush();
  }

  held(piece: number): void {
    this.#client.held(piece, this.#parts.clock.now());
    this.#book.held(piece);
    this.#outOfReach.held(piece);
    this.#flush();
  }

  shown(): void {
    this.#book.shown();
    this.#flush();
  }

  closed(connection: Connection): void {
    const now = this.#parts.clock.now();
    this.#client.neighbourGone(connection, now);
    this.#book.closed(connection);
    this.#bookkeepers.closed(connection);
    this.#settle(now);
  }

  sweep(now: number): void {
    if (!this.#standing) return;
    this.#book.sweep(now);
    this.#lookForBookkeeper();
    if (!this.#parts.settled.isFull) {
      this.#renewSlow(now);
      this.#client.sweep(now);
      this.#outOfReach.sweep(now);
    }
    this.#flush();
  }

  /** A block over a slow line takes longer than a claim: what has come of it so far counts. One that gives none in 20 s is snubbed. */
  #renewSlow(now: number): void {
    for (const connection of this.#parts.connections) {
      const isGiving = connection.outstanding.size > 0 && connection.partOfBlockAgoMs(now) < BUSY_MS;
      if (isGiving && this.applyTo(connection)) this.#client.bytesCame(connection, now);
    }
  }

  #lookForBookkeeper(): void {
    const now = this.#parts.clock.now();
    this.#bookkeepers.sweep(now);
    this.#settle(now);
  }

  get #asn(): Asn {
    return this.#standing?.asn ?? UNKNOWN_ASN;
  }

  /** Who keeps the book may be another one than before; if it is we, we do it. */
  #settle(now: number): void {
    const current = this.#standing ? this.#bookkeepers.current() : undefined;
    if (current === "ourselves" && !this.#book.isGranting) this.#book.takeOver();
    if (current !== "ourselves" && this.#book.isGranting) this.#stepDown(now);
    if (current !== this.#asked) {
      this.#asked = current;
      this.#port = this.#portTo(current);
      this.#client.headChanged(now);
    }
    // After our own claims: what comes first is taken for the sender's own.
    if (current && current !== "ourselves") this.#handOver.to((body) => this.#parts.tell(current, body), now);
    this.#flush();
  }

  #stepDown(now: number): void {
    this.#handOver.keep(this.#book.stepDown(this.#bookkeepers.head), now);
  }

  #portTo(bookkeeper: Bookkeeper): HeadPort | undefined {
    if (bookkeeper === undefined) return undefined;
    if (bookkeeper === "ourselves") return this.#toOurselves;
    return {
      send: (body) => {
        this.#trip.sent(body, this.#parts.clock.now());
        this.#parts.tell(bookkeeper, body);
      },
    };
  }

  #answered(body: ClaimMessage): void {
    const now = this.#parts.clock.now();
    this.#trip.received(body, now);
    this.#client.received(body, now);
  }

  #deny(connection: Connection, q: number): void {
    const { head } = this.#bookkeepers;
    this.#parts.tell(connection, { m: "deny", q, why: "not head", ...(head ? { head } : {}) });
  }

  /** Nothing is claimed any more, and what was is given back. */
  #leave(now: number): void {
    this.#client.close(now);
    this.#flush();
    this.#client = this.#makeClient();
    this.#outOfReach.clear();
    this.#asked = undefined;
    this.#port = undefined;
  }

  #flush(): void {
    this.#toOurselves.flush();
  }

  #makeClient(): ClaimClient<Connection> {
    return memberClient({
      ...this.#parts,
      outside: this.#outside,
      outOfReach: this.#outOfReach,
      trip: this.#trip,
      port: () => this.#port,
      relief: () => this.#standing?.relief ?? 1,
      headStalled: (fault) => this.#headStalled(fault),
    });
  }

  #headStalled(fault: HeadFault): void {
    if (this.#asked && this.#asked !== "ourselves") this.#bookkeepers.stalled(this.#asked, FAULTS[fault]);
  }
}

/** Who gave some bytes of a block so recently is at work. */
const BUSY_MS = 1000;

const FROM_HEAD: ReadonlySet<ClaimMessage["m"]> = new Set([
  "grant",
  "deny",
  "taken",
  "taken_map",
  "revoke",
  "holders",
]);

const FAULTS: Readonly<Record<HeadFault, string>> = {
  unanswered: "does not answer",
  "false holders": "names holders that have nothing",
  withheld: "calls pieces taken that nobody has",
};
