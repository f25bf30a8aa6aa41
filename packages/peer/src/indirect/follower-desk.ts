import { type Clock, type Random, sample } from "@cachetorrent/clock";
import {
  type CtCacheBody,
  type CtCacheMessage,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  type PeerId,
  type PieceSet,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { CacheDownload } from "../exchange/cache-download.ts";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";
import { Assignments } from "./assignments.ts";
import type { LeaderLink } from "./leader-link.ts";
import { linksOf } from "./links-of.ts";
import { piecesOf } from "./pieces-of.ts";
import { Wants } from "./wants.ts";

export interface FollowerDeskParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly peerId: PeerId;
  /** The pieces that we hold, or do not want. */
  readonly settled: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  /** Where forwarded Haves go. */
  readonly forwarded: CacheDownload;
  pickIndirectly(pieces: PieceSet, accepts: (piece: number) => boolean): number | undefined;
  tell(connection: Connection, body: CtCacheBody): void;
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** Can it never be dialled from here, or is it banned? */
  isOutOfReach(endpoint: Endpoint): boolean;
  /** A leader does not do its duty. */
  report(leader: PeerId): void;
}

const { cache } = LIMITS;
/** Leaders of a range with which a follower is connected, whatever it asks of them. */
const KEPT = 2;
/** Between two dials of a leader that was not there. */
const REDIAL_MS = 5000;
/** Who was found out is not believed again by a new result alone; a tracker that evicts it does so for as long. */
const DISTRUST_MS = LIMITS.election.evictionMs;

/** A follower's side: it asks leaders of its AS to reach outside peers, wants pieces of them, and notices who does not work. */
export class FollowerDesk {
  readonly #parts: FollowerDeskParts;
  readonly #assignments: Assignments;
  readonly #wants: Wants;
  #standing: Standing | undefined;
  #links: LeaderLink[] = [];
  #answeredAt = 0;

  constructor(parts: FollowerDeskParts) {
    this.#parts = parts;
    this.#assignments = new Assignments(parts.random);
    this.#wants = new Wants({ ...parts, leadersOf: (piece) => this.#linksOf(this.#rangeOf(piece)) });
  }

  /** Is there anybody to follow? */
  get isFollowing(): boolean {
    return this.#standing !== undefined;
  }

  /** When a leader that is trusted last answered, or was there and owed no answer. */
  get answeredAt(): number {
    return this.#answeredAt;
  }

  /** A result under which we follow; undefined when there is nobody to follow. */
  follow(standing: Standing | undefined): void {
    const now = this.#parts.clock.now();
    const isNewTerm = standing?.term !== this.#standing?.term;
    if (standing && !this.#standing) this.#answeredAt = now;
    this.#standing = standing;
    const before = this.#links.map((link) => ({ link, ranges: link.ranges }));
    this.#links = standing ? linksOf(standing, this.#parts.peerId, this.#links, now) : [];
    for (const { link, ranges } of before) {
      if (!this.#links.includes(link)) this.#end(link);
      else if (link.ranges !== ranges) this.#wants.move(link);
    }
    for (const link of this.#links) {
      if (isNewTerm && now - link.distrustedAt >= DISTRUST_MS) link.isDistrusted = false;
    }
    this.#keep();
    this.sweep(now);
  }

  /** Outside peers that the tracker told of. */
  learn(endpoints: readonly Endpoint[]): void {
    this.#assignments.learn(endpoints);
  }

  /** Is the other side a leader that was asked for `dest`? */
  isAskedFor(connection: Connection, dest: Endpoint): boolean {
    return this.#linkWith(connection)?.isAskedFor(dest) ?? false;
  }

  /** They served nothing for too long, all of them, although it could be had. */
  distrustAll(): void {
    for (const link of this.#links) {
      link.distrust(this.#parts.clock.now());
      this.#stalled(link, "serves nothing");
    }
  }

  /** A message of a leader; of anybody else it is ignored (false), as are answers to what was not asked. */
  told(connection: Connection, message: CtCacheMessage): boolean {
    const link = this.#linkWith(connection);
    if (!link) return false;
    const now = this.#parts.clock.now();
    link.said(now);
    if ("dest" in message && !link.isAskedFor(message.dest)) return false;
    switch (message.m) {
      case "leader_started":
        link.started(message.dest);
        return true;
      case "leader_refused":
        this.#assignments.refused(link, message, now);
        return true;
      case "leader_stop":
        this.#assignments.stopped(link, message.dest);
        this.#wants.move(link);
        return true;
      case "fwd_bitfield":
      case "fwd_have":
        if (!this.#parts.forwarded.forwarded(connection, piecesOf(message))) return true;
        link.isExcused = false;
        this.#wants.fill(link, now);
        return true;
      default:
        return false;
    }
  }

  /** The other side holds one more piece. */
  has(connection: Connection, piece: number): void {
    const link = this.#linkWith(connection);
    if (!link) return;
    const now = this.#parts.clock.now();
    link.said(now);
    this.#wants.served(link, piece, now);
  }

  /** Payload came from it. */
  received(connection: Connection): void {
    this.#linkWith(connection)?.said(this.#parts.clock.now());
  }

  held(piece: number): void {
    for (const link of this.#links) this.#wants.held(link, piece);
    // Nothing is missing: leaders have their room for others.
    if (this.#parts.settled.isFull) for (const link of this.#links) this.#letGo(link);
  }

  closed(connection: Connection): void {
    const link = this.#links.find((one) => one.connection === connection || one.dialled === connection);
    if (!link) return;
    if (link.dialled === connection) {
      link.dialled = undefined;
      link.isDialling = false;
    }
    if (this.#parts.settled.isFull || this.#connectionWith(link)) return;
    if (connection.isHandshaken || connection.isClosedByUs) this.#lost(link, connection);
    else this.#stalled(link, "hangs up");
  }

  sweep(now: number): void {
    if (!this.#standing || this.#parts.settled.isFull) return;
    for (const link of this.#links) this.#connect(link, now);
    for (const range of this.#followedRanges()) {
      this.#assignments.assign(this.#linksOf(range), this.#links, now);
    }
    for (const link of this.#links) this.#tend(link, now);
    for (const link of this.#links) {
      if (link.isDistrusted) continue;
      if (link.isIdle) this.#answeredAt = now;
      else if (link.hasSaid) this.#answeredAt = Math.max(this.#answeredAt, link.saidAt);
    }
  }

  #rangeOf(piece: number): number {
    return this.#standing?.rangeOf(piece) ?? 0;
  }

  #linksOf(range: number): LeaderLink[] {
    return this.#links.filter((link) => link.ranges.has(range));
  }

  #followedRanges(): number[] {
    const { ranges = 0, own } = this.#standing ?? {};
    return Array.from({ length: ranges }, (_, range) => range).filter((range) => !own?.has(range));
  }

  /** Some leaders of each range, at random, are kept connected whatever is asked of them. */
  #keep(): void {
    for (const range of this.#followedRanges()) {
      const links = this.#linksOf(range);
      const others = links.filter((link) => !link.isKept);
      const lacking = Math.max(0, KEPT - (links.length - others.length));
      for (const link of sample(others, lacking, this.#parts.random)) link.isKept = true;
    }
  }

  #linkWith(connection: Connection): LeaderLink | undefined {
    return this.#links.find((link) => link.isWith(connection));
  }

  #connectionWith(link: LeaderLink): Connection | undefined {
    const { connection } = link;
    if (connection && link.isWith(connection)) return connection;
    return [...this.#parts.connections].find((one) => link.isWith(one));
  }

  #connect(link: LeaderLink, now: number): void {
    const connection = this.#connectionWith(link);
    // What was asked, it was asked over the connection that stood then.
    if (link.connection && link.connection !== connection) this.#lost(link, link.connection);
    if (!connection) {
      this.#dial(link, now);
      return;
    }
    link.connection = connection;
    link.isDialling = false;
    if (link.dialled !== connection) link.dialled = undefined;
  }

  /** It is dialled again at once, and what it was asked it is asked again then. One that is lost at once again is stalled. */
  #lost(link: LeaderLink, connection: Connection): void {
    const now = this.#parts.clock.now();
    if (link.dialled === connection) link.dialled = undefined;
    const isSoon = now - connection.openedAt < REDIAL_MS && connection.openedAt - link.lostAt < REDIAL_MS;
    link.connection = undefined;
    this.#wants.move(link);
    link.askAnew(now);
    link.dialAfter = connection.isClosedByUs ? now + REDIAL_MS : 0;
    if (connection.isClosedByUs) return;
    link.lostAt = now;
    if (isSoon && !this.#connectionWith(link)) this.#stalled(link, "hangs up");
  }

  #dial(link: LeaderLink, now: number): void {
    if (link.isDialling || !link.isEngaged || now < link.dialAfter) return;
    if (this.#parts.isOutOfReach(link.endpoint)) {
      link.dialAfter = now + LIMITS.peer.stallReportMs;
      this.#stalled(link, "is banned, or of an address family that we cannot reach");
      return;
    }
    link.isDialling = true;
    link.dialAfter = now + REDIAL_MS;
    void this.#parts.dial(link.endpoint).then((connection) => {
      if (connection === "not now") {
        link.isDialling = false;
        link.dialAfter = 0;
      } else if (connection) link.dialled = connection;
      else {
        link.isDialling = false;
        if (!this.#connectionWith(link)) this.#stalled(link, "cannot be reached");
      }
    });
  }

  /** Sends what is to be asked, asks whether it is there, and notices when it does not work. */
  #tend(link: LeaderLink, now: number): void {
    if (link.isSilent(now)) this.#stalled(link, "does not answer");
    else if (link.isFruitless(now)) {
      link.distrust(now);
      this.#stalled(link, "forwards what it does not serve");
    } else if (link.isOutOfReach(now)) {
      if (link.connection) this.#stalled(link, "does not speak ct_cache");
      else this.#suspend(link);
    }
    const { connection } = link;
    if (!connection?.speaksCtCache) return;
    for (const dest of link.leftUnanswered(now)) {
      this.#parts.tell(connection, { m: "leader_stop", dest });
      this.#assignments.leftUnanswered(link, dest, now);
    }
    if (now - link.saidAt > cache.sayingMs && link.questions.size === 0) {
      this.#assignments.askIfThere(link, this.#links, now);
    }
    for (const question of link.questions.values()) {
      if (question.askedAt !== undefined) continue;
      question.askedAt = now;
      this.#parts.tell(connection, { m: "leader_start", dest: question.dest });
    }
    this.#wants.tend(link, now);
  }

  /** It does not do its duty: others are asked, and the tracker hears of it. */
  #stalled(link: LeaderLink, why: string): void {
    const { log, report, settled } = this.#parts;
    if (!this.#links.includes(link) || settled.isFull) return;
    const endpoint = formatEndpoint(link.endpoint);
    // A leader that stays away is told once.
    log[link.isSuspended ? "debug" : "info"](
      { event: "stalled", endpoint, peerId: link.peerId, asn: this.#standing?.asn },
      `leader ${endpoint} ${why}`,
    );
    this.#suspend(link);
    report(link.peerId);
  }

  /** Others are asked, until it says something. */
  #suspend(link: LeaderLink): void {
    this.#letGo(link);
    link.connection = undefined;
    link.isDialling = false;
    link.isSuspended = true;
  }

  /** Nothing is asked of it any more; when it hears of that, it has room for others. */
  #letGo(link: LeaderLink): void {
    this.#wants.move(link);
    const connection = this.#connectionWith(link);
    if (connection) for (const dest of link.asked) this.#parts.tell(connection, { m: "leader_stop", dest });
    link.clear();
  }

  /** It leads no more, or nobody is followed. */
  #end(link: LeaderLink): void {
    this.#letGo(link);
    for (const one of this.#parts.connections) if (link.isWith(one)) this.#parts.forwarded.ended(one);
  }
}
