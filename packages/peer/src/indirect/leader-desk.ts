import type { Clock } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type CtCacheBody,
  type Endpoint,
  formatEndpoint,
  hostOf,
  isInternal,
  LIMITS,
  type Located,
  type Refusal,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { PieceSet } from "../piece-set.ts";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";
import { mayBeDialled } from "./dial-rules.ts";
import { Forwarder } from "./forwarder.ts";
import { Relay } from "./relay.ts";

export interface LeaderDeskParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  /** Our own endpoints. */
  readonly ours: readonly Endpoint[];
  standing(): Standing | undefined;
  tell(connection: Connection, body: CtCacheBody): void;
  connectionTo(endpoint: Endpoint): Connection | undefined;
  /** Did a tracker tell us of the endpoint? */
  isListed(endpoint: Endpoint): boolean;
  asnOf(address: Address): Asn | undefined;
  locate(endpoint: Endpoint): Promise<Located>;
  /** Opens a connection to download only. */
  dial(endpoint: Endpoint): Promise<Connection | undefined>;
  /** A follower asks for the piece, or does no more. */
  readonly requests: { gotRequest(piece: number): void; requestEnded(piece: number): void };
}

/** What a leader keeps of one follower. */
interface File {
  readonly follower: Connection;
  readonly relay: Relay;
  /** By destination. */
  readonly forwarders: Map<string, Forwarder>;
  readonly wants: Set<number>;
  dialledAt: number;
}

const { cache } = LIMITS;
/** Beyond, whoever asks would wait for longer than it takes a leader for alive. */
const WAITING_MOST = 20;
/** Endpoints that failed are remembered; so many, the oldest goes. */
const FAILED_MOST = 1000;

/** The duties of a leader: it opens connections for followers, forwards what is there, and fetches first what they want. */
export class LeaderDesk {
  readonly #parts: LeaderDeskParts;
  readonly #files = new Map<Connection, File>();
  /** By connection with an outside peer: who is told what it has. */
  readonly #bySource = new Map<Connection, Set<Forwarder>>();
  /** To be dialled when their turn comes. */
  readonly #waiting: { readonly file: File; readonly forwarder: Forwarder }[] = [];
  /** By destination: until when it is not dialled again. */
  readonly #failed = new Map<string, number>();
  #dialling = 0;

  constructor(parts: LeaderDeskParts) {
    this.#parts = parts;
  }

  /** A follower asks for a connection with `dest`. Asked again for one that stands, it says so again. */
  start(follower: Connection, dest: Endpoint): void {
    const file = this.#files.get(follower);
    const standing = file?.forwarders.get(formatEndpoint(dest));
    if (standing) {
      if (standing.source) this.#parts.tell(follower, { m: "leader_started", dest });
      return;
    }
    const why = this.#refusal(follower, dest);
    if (why) this.#refuse(follower, dest, why);
    else this.#open(file ?? this.#fileFor(follower), dest);
  }

  /** A follower needs nothing of `dest` any more. */
  stop(follower: Connection, dest: Endpoint): void {
    const file = this.#files.get(follower);
    const forwarder = file?.forwarders.get(formatEndpoint(dest));
    if (file && forwarder) this.#remove(file, forwarder);
  }

  /** A follower's indirect request. */
  want(follower: Connection, pieces: readonly number[]): void {
    const file = this.#files.get(follower);
    if (!file) return;
    for (const piece of pieces) {
      if (this.#parts.have.has(piece)) follower.sendHave(piece);
      else if (file.wants.size < cache.wantsPerLeader && this.#parts.standing()?.leads(piece)) {
        if (file.wants.has(piece)) continue;
        file.wants.add(piece);
        this.#parts.requests.gotRequest(piece);
      }
    }
  }

  mapped(connection: Connection): void {
    for (const forwarder of this.#bySource.get(connection) ?? []) forwarder.mapped();
  }

  /** The other side has one more piece. */
  has(connection: Connection, piece: number): void {
    for (const forwarder of this.#bySource.get(connection) ?? []) forwarder.has(piece);
    this.#endWant(this.#files.get(connection), piece);
  }

  /** We hold one more piece. With all of them nothing is left to be forwarded. */
  held(piece: number): void {
    for (const file of this.#files.values()) this.#endWant(file, piece);
    if (this.#parts.have.isFull) this.leaveOffice();
  }

  closed(connection: Connection): void {
    for (const forwarder of this.#bySource.get(connection) ?? []) this.#sourceLost(forwarder);
    this.#bySource.delete(connection);
    this.#end(this.#files.get(connection));
  }

  /** It leads no more, or has nothing to fetch any more: everything opened for followers ends. */
  leaveOffice(): void {
    for (const file of [...this.#files.values()]) {
      for (const { dest } of file.forwarders.values()) {
        this.#parts.tell(file.follower, { m: "leader_stop", dest });
      }
      this.#end(file);
    }
    this.#bySource.clear();
  }

  sweep(now: number): void {
    for (const [key, until] of this.#failed) if (now >= until) this.#failed.delete(key);
    for (const file of this.#files.values()) file.relay.flush();
    this.#dialWaiting(now);
  }

  #refusal(follower: Connection, dest: Endpoint): Refusal | undefined {
    const { asnOf, clock, have, isListed, ours, standing } = this.#parts;
    const office = standing();
    if (office?.role !== "leader") return "not leading";
    if (!isInternal(follower.asn, office.asn)) return "not my AS";
    if (have.isFull) return "complete";
    if (!mayBeDialled(dest, ours)) return "not in this swarm";
    if (isListed(dest) && isInternal(asnOf(dest.address) ?? (0 as Asn), office.asn)) return "same AS";
    if (this.#isFull(follower, dest)) return "full";
    return (this.#failed.get(formatEndpoint(dest)) ?? 0) > clock.now() ? "unreachable" : undefined;
  }

  #isFull(follower: Connection, dest: Endpoint): boolean {
    const destinations = new Set<string>();
    let ofAddress = 0;
    for (const file of this.#files.values()) {
      for (const key of file.forwarders.keys()) destinations.add(key);
      const isNeighbour = hostOf(file.follower.remote.address) === hostOf(follower.remote.address);
      if (isNeighbour) ofAddress += file.forwarders.size;
    }
    const ofFollower = this.#files.get(follower)?.forwarders.size ?? 0;
    const isNew = !destinations.has(formatEndpoint(dest));
    return (
      this.#waiting.length >= WAITING_MOST ||
      ofFollower >= cache.destinationsPerFollower ||
      ofAddress >= cache.destinationsPerAddress ||
      (isNew && destinations.size >= cache.destinationsPerLeader)
    );
  }

  #open(file: File, dest: Endpoint): void {
    const forwarder = new Forwarder(dest, file.relay);
    file.forwarders.set(formatEndpoint(dest), forwarder);
    const source = this.#parts.connectionTo(dest);
    if (source) this.#started(file, forwarder, source);
    else {
      this.#waiting.push({ file, forwarder });
      this.#dialWaiting(this.#parts.clock.now());
    }
  }

  /** In their order, but for the followers whose last dial was a moment ago. */
  #dialWaiting(now: number): void {
    for (const one of [...this.#waiting]) {
      if (this.#dialling >= cache.dialsAtOnce) return;
      if (now - one.file.dialledAt < cache.dialsPerFollowerMs) continue;
      this.#waiting.splice(this.#waiting.indexOf(one), 1);
      if (!this.#stands(one.file, one.forwarder)) continue;
      one.file.dialledAt = now;
      void this.#dial(one.file, one.forwarder);
    }
  }

  async #dial(file: File, forwarder: Forwarder): Promise<void> {
    const { dest } = forwarder;
    this.#dialling++;
    const found = await this.#find(dest);
    this.#dialling--;
    // Meanwhile the follower may have left, or the office may be over.
    if (!this.#stands(file, forwarder)) {
      if (typeof found !== "string" && found.isIndirect && !this.#bySource.has(found)) found.abort(NOBODYS);
      return;
    }
    if (typeof found !== "string") {
      this.#started(file, forwarder, found);
      return;
    }
    this.#remove(file, forwarder);
    this.#refuse(file.follower, dest, found);
  }

  /** A connection with the endpoint, or why there can be none. */
  async #find(dest: Endpoint): Promise<Connection | Refusal> {
    const { clock, connectionTo, dial, isListed, locate, standing } = this.#parts;
    if (!isListed(dest)) {
      const { asn, known } = await locate(dest);
      if (!known) return "not in this swarm";
      if (isInternal(asn, standing()?.asn ?? asn)) return "same AS";
    }
    const connection = connectionTo(dest) ?? (await dial(dest)) ?? connectionTo(dest);
    if (connection) return connection;
    this.#failed.set(formatEndpoint(dest), clock.now() + cache.unreachableMs);
    const oldest = this.#failed.keys().next();
    if (this.#failed.size > FAILED_MOST && !oldest.done) this.#failed.delete(oldest.value);
    return "unreachable";
  }

  #started(file: File, forwarder: Forwarder, source: Connection): void {
    const forwarders = this.#bySource.get(source) ?? new Set();
    this.#bySource.set(source, forwarders.add(forwarder));
    this.#parts.tell(file.follower, { m: "leader_started", dest: forwarder.dest });
    forwarder.start(source);
  }

  #sourceLost(forwarder: Forwarder): void {
    for (const file of this.#files.values()) {
      if (!this.#stands(file, forwarder)) continue;
      file.forwarders.delete(formatEndpoint(forwarder.dest));
      this.#parts.tell(file.follower, { m: "leader_stop", dest: forwarder.dest });
    }
  }

  #refuse(follower: Connection, dest: Endpoint, why: Refusal): void {
    const { log, tell } = this.#parts;
    const endpoint = formatEndpoint(follower.remote);
    log.debug(
      { event: "leader_refused", endpoint, asn: follower.asn, dest: formatEndpoint(dest) },
      `refused ${endpoint} a connection with ${formatEndpoint(dest)}: ${why}`,
    );
    tell(follower, { m: "leader_refused", dest, why });
  }

  #fileFor(follower: Connection): File {
    const relay = new Relay({
      pieceCount: this.#parts.have.pieceCount,
      isNews: (piece) =>
        !this.#parts.have.has(piece) &&
        !follower.theirs.has(piece) &&
        (this.#parts.standing()?.leads(piece) ?? false),
      tell: (body) => this.#parts.tell(follower, body),
    });
    const file: File = {
      follower,
      relay,
      forwarders: new Map(),
      wants: new Set(),
      dialledAt: Number.NEGATIVE_INFINITY,
    };
    this.#files.set(follower, file);
    return file;
  }

  #stands(file: File, forwarder: Forwarder): boolean {
    const { follower, forwarders } = file;
    return this.#files.get(follower) === file && forwarders.get(formatEndpoint(forwarder.dest)) === forwarder;
  }

  #remove(file: File, forwarder: Forwarder): void {
    file.forwarders.delete(formatEndpoint(forwarder.dest));
    if (forwarder.source) this.#bySource.get(forwarder.source)?.delete(forwarder);
  }

  #endWant(file: File | undefined, piece: number): void {
    if (file?.wants.delete(piece)) this.#parts.requests.requestEnded(piece);
  }

  #end(file: File | undefined): void {
    if (!file) return;
    this.#files.delete(file.follower);
    for (const piece of file.wants) this.#parts.requests.requestEnded(piece);
    for (const forwarder of file.forwarders.values()) {
      if (forwarder.source) this.#bySource.get(forwarder.source)?.delete(forwarder);
    }
  }
}

const NOBODYS = "opened for nobody";
