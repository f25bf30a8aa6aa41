import { type Clock, type Random, randomBelow, sample } from "@cachetorrent/clock";
import {
  type CtCacheBody,
  type CtCacheMessage,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  type PeerId,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { CacheDownload } from "../exchange/cache-download.ts";
import type { PieceSet } from "../piece-set.ts";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";
import { Destinations } from "./destinations.ts";
import { LeaderLink } from "./leader-link.ts";
import { piecesOf } from "./pieces-of.ts";
import { Wants } from "./wants.ts";

export interface FollowerDeskParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly peerId: PeerId;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  /** Where forwarded Haves go. */
  readonly forwarded: CacheDownload;
  pickIndirectly(pieces: PieceSet, accepts: (piece: number) => boolean): number | undefined;
  tell(connection: Connection, body: CtCacheBody): void;
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** A leader does not do its duty. */
  report(leader: PeerId): void;
}

const { cache } = LIMITS;
/** Leaders of a range with which a follower is connected, whatever it asks of them. */
const KEPT = 2;
/** Between two dials of a leader that was not there. */
const REDIAL_MS = 5000;
/** A leader that has no room, or does not know yet that it leads, is not asked for more at once. */
const FULL_MS = 30_000;
const NOT_YET_MS = 2000;

/** A follower's side: it asks leaders of its AS to reach outside peers, wants pieces of them, and notices who does not work. */
export class FollowerDesk {
  readonly #parts: FollowerDeskParts;
  readonly #destinations = new Destinations();
  readonly #wants: Wants;
  #standing: Standing | undefined;
  #links: LeaderLink[] = [];
  #begunAt = 0;

  constructor(parts: FollowerDeskParts) {
    this.#parts = parts;
    this.#wants = new Wants({ ...parts, leadersOf: (piece) => this.#linksOf(this.#rangeOf(piece)) });
  }

  /** Is there anybody to follow? */
  get isFollowing(): boolean {
    return this.#standing !== undefined;
  }

  /** When a leader that is trusted last answered. */
  get answeredAt(): number {
    return Math.max(
      this.#begunAt,
      ...this.#links.filter((link) => link.hasSaid && !link.isDistrusted).map((link) => link.saidAt),
    );
  }

  /** A result under which we follow; undefined when there is nobody to follow. */
  follow(standing: Standing | undefined): void {
    const now = this.#parts.clock.now();
    const isNewTerm = standing?.term !== this.#standing?.term;
    if (standing && !this.#standing) this.#begunAt = now;
    this.#standing = standing;
    const before = this.#links;
    this.#links = standing ? this.#linksFor(standing, now) : [];
    for (const link of before) if (!this.#links.includes(link)) this.#end(link);
    if (isNewTerm) for (const link of this.#links) link.isDistrusted = false;
    for (const range of this.#followedRanges()) {
      for (const link of sample(this.#linksOf(range), KEPT, this.#parts.random)) link.isKept = true;
    }
    this.sweep(now);
  }

  /** Outside peers that the tracker told of. */
  learn(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) this.#destinations.learn(endpoint);
  }

  /** A message of a leader; of anybody else it is ignored. */
  told(connection: Connection, message: CtCacheMessage): void {
    const link = this.#linkWith(connection);
    if (!link) return;
    const now = this.#parts.clock.now();
    link.said(now);
    switch (message.m) {
      case "leader_started":
        link.questions.delete(formatEndpoint(message.dest));
        link.destinations.set(formatEndpoint(message.dest), message.dest);
        return;
      case "leader_refused":
        this.#refused(link, message, now);
        return;
      case "leader_stop":
        link.without(message.dest);
        this.#wants.move(link);
        return;
      case "fwd_bitfield":
      case "fwd_have":
        this.#parts.forwarded.forwarded(connection, piecesOf(message));
        this.#wants.fill(link, now);
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
    for (const link of this.#links) this.#wants.drop(link, piece);
  }

  closed(connection: Connection): void {
    const link = this.#links.find((one) => one.connection === connection || one.dialled === connection);
    if (!link) return;
    const wasWith = link.connection === connection;
    link.dialled = undefined;
    link.isDialling = false;
    if (!wasWith || connection.openedAt + REDIAL_MS > this.#parts.clock.now()) {
      this.#stalled(link, "hangs up");
      return;
    }
    // It is dialled again at once, and what it was asked it is asked again then.
    link.dialAfter = 0;
    link.connection = undefined;
    this.#wants.move(link);
    for (const { dest } of link.questions.values()) this.#ask(link, dest);
    for (const dest of [...link.destinations.values()]) {
      link.without(dest);
      this.#ask(link, dest);
    }
  }

  sweep(now: number): void {
    if (!this.#standing || this.#parts.have.isFull) return;
    for (const link of this.#links) this.#connect(link, now);
    for (const range of this.#followedRanges()) this.#assign(range, now);
    for (const link of this.#links) this.#tend(link, now);
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

  /** A leader that stands where it stood goes on being what it was to us. */
  #linksFor(standing: Standing, now: number): LeaderLink[] {
    const ranges = new Map<PeerId, Set<number>>();
    for (const { peerId, range = 0 } of standing.leaders) {
      if (peerId !== this.#parts.peerId && !standing.own.has(range)) {
        ranges.set(peerId, (ranges.get(peerId) ?? new Set()).add(range));
      }
    }
    return [...ranges].map(([peerId, of]) => {
      const entry = standing.leaders.find((leader) => leader.peerId === peerId);
      const endpoint = entry?.endpoint as Endpoint;
      const known = this.#links.find((link) => link.peerId === peerId);
      const isSame = known && formatEndpoint(known.endpoint) === formatEndpoint(endpoint);
      return isSame && [...of].join() === [...known.ranges].join()
        ? known
        : new LeaderLink(peerId, endpoint, of, now);
    });
  }

  #linkWith(connection: Connection): LeaderLink | undefined {
    return this.#links.find((link) => link.isWith(connection));
  }

  #refused(link: LeaderLink, { dest, why }: CtCacheMessage & { m: "leader_refused" }, now: number): void {
    link.without(dest);
    switch (why) {
      case "unreachable":
      case "same AS":
      case "not in this swarm":
        this.#destinations.rest(dest, now + cache.unreachableMs);
        return;
      case "full":
        link.fullUntil = now + FULL_MS;
        return;
      case "not leading":
      case "complete":
        link.fullUntil = now + NOT_YET_MS;
        return;
      case "not my AS":
        link.isDistrusted = true;
    }
  }

  #connect(link: LeaderLink, now: number): void {
    link.connection = [...this.#parts.connections].find((one) => link.isWith(one));
    if (!link.connection) this.#dial(link, now);
    else {
      link.isDialling = false;
      if (link.dialled !== link.connection) link.dialled = undefined;
    }
  }

  #dial(link: LeaderLink, now: number): void {
    if (link.isDialling || !link.isEngaged || now < link.dialAfter) return;
    link.isDialling = true;
    link.dialAfter = now + REDIAL_MS;
    void this.#parts.dial(link.endpoint).then((connection) => {
      if (connection === undefined) this.#stalled(link, "cannot be reached");
      else if (connection !== "not now") link.dialled = connection;
      else {
        link.isDialling = false;
        link.dialAfter = 0;
      }
    });
  }

  /** Destinations for one range, each at one leader of it. */
  #assign(range: number, now: number): void {
    const links = this.#linksOf(range);
    const taken = new Set(links.flatMap((link) => [...link.questions.keys(), ...link.destinations.keys()]));
    const free = this.#destinations.available(now).filter((dest) => !taken.has(formatEndpoint(dest)));
    const { random } = this.#parts;
    for (const dest of sample(free, cache.destinationsPerFollower - taken.size, random)) {
      const usable = links.filter((link) => link.isUsable(now));
      const link = usable[randomBelow(random, usable.length)];
      if (!link) return;
      this.#ask(link, dest);
    }
  }

  #ask(link: LeaderLink, dest: Endpoint): void {
    link.questions.set(formatEndpoint(dest), { dest, askedAt: undefined });
  }

  /** Sends what is to be asked, asks whether it is there, and notices when it does not work. */
  #tend(link: LeaderLink, now: number): void {
    if (link.isSilent(now)) this.#stalled(link, "does not answer");
    else if (link.isFruitless(now)) {
      link.isDistrusted = true;
      this.#stalled(link, "forwards what it does not serve");
    }
    for (const dest of link.leftUnanswered(now)) {
      link.without(dest);
      link.fullUntil = now + FULL_MS;
    }
    const { connection } = link;
    if (!connection?.speaksCtCache) return;
    if (now - link.saidAt > cache.sayingMs && link.questions.size === 0) this.#askIfThere(link, now);
    for (const question of link.questions.values()) {
      if (question.askedAt !== undefined) continue;
      question.askedAt = now;
      this.#parts.tell(connection, { m: "leader_start", dest: question.dest });
    }
    this.#wants.tend(link, now);
  }

  /** Any answer will do: `leader_started` for what stands, or a refusal. */
  #askIfThere(link: LeaderLink, now: number): void {
    const [standing] = link.destinations.values();
    const [other] = this.#destinations.available(now);
    const dest = standing ?? other;
    if (dest) this.#ask(link, dest);
  }

  #stalled(link: LeaderLink, why: string): void {
    const { log, report } = this.#parts;
    const endpoint = formatEndpoint(link.endpoint);
    log.info(
      { event: "stalled", endpoint, peerId: link.peerId, asn: this.#standing?.asn },
      `leader ${endpoint} ${why}`,
    );
    this.#wants.move(link);
    link.clear();
    link.connection = undefined;
    link.isDialling = false;
    link.isSuspended = true;
    report(link.peerId);
  }

  #end(link: LeaderLink): void {
    this.#wants.move(link);
    if (link.connection) this.#parts.forwarded.ended(link.connection);
  }
}
