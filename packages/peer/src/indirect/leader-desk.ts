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
  PieceSet,
  type Refusal,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Standing } from "../roles/standing.ts";
import type { Connection } from "../wire/connection.ts";
import { DialQueue, type Errand } from "./dial-queue.ts";
import { mayBeDialled } from "./dial-rules.ts";
import { Forwarder } from "./forwarder.ts";
import { Relay } from "./relay.ts";
import { Sources } from "./sources.ts";

export interface LeaderDeskParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  /** Those that we hold, or do not want. */
  readonly settled: PieceSet;
  /** Our own endpoints. */
  readonly ours: readonly Endpoint[];
  readonly connections: ReadonlySet<Connection>;
  standing(): Standing | undefined;
  tell(connection: Connection, body: CtCacheBody): void;
  connectionTo(endpoint: Endpoint): Connection | undefined;
  /** Can it never be dialled from here? */
  isOutOfReach(endpoint: Endpoint): boolean;
  /** Did a tracker tell us of the endpoint? */
  isListed(endpoint: Endpoint): boolean;
  asnOf(address: Address): Asn | undefined;
  locate(endpoint: Endpoint): Promise<Located>;
  /** Opens a connection to download only; "not now" when that was not tried. */
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** A follower asks for the piece, or does no more. */
  readonly requests: { gotRequest(piece: number): void; requestEnded(piece: number): void };
}

/** What a leader keeps of one follower. */
interface FollowerFile {
  readonly follower: Connection;
  readonly relay: Relay;
  /** By destination: what it asked for and was not answered yet. */
  readonly errands: Map<string, Errand>;
  /** By destination. */
  readonly forwarders: Map<string, Forwarder>;
  /** By piece: when it last asked for it. */
  readonly wants: Map<number, number>;
  /** Pieces that it wanted when we held them: each is answered once. */
  readonly answered: PieceSet;
}

const { cache } = LIMITS;
/** Who hangs up so soon is as good as unreachable: nobody is to make us dial it again and again. */
const BRIEF_MS = 10_000;

/** The duties of a leader: it opens connections for followers, forwards what is there, and fetches first what they want. */
export class LeaderDesk {
  readonly #parts: LeaderDeskParts;
  readonly #files = new Map<Connection, FollowerFile>();
  readonly #sources = new Sources();
  readonly #queue: DialQueue;
  /** The first piece that we lead and lack, under the result that stands; none before it is. */
  #firstMissing = 0;
  #countedFor: Standing | undefined;

  constructor(parts: LeaderDeskParts) {
    this.#parts = parts;
    this.#queue = new DialQueue({
      ...parts,
      asn: () => parts.standing()?.asn ?? UNKNOWN_ASN,
      settled: (errand, outcome) => this.#settled(errand, outcome),
      unclaimed: (connection) => this.#sources.closeIfUnused(connection),
    });
  }

  /** A follower asks for a connection with `dest`. Asked again for one that stands, it says so again. */
  start(follower: Connection, dest: Endpoint): void {
    const file = this.#files.get(follower);
    if (file?.errands.has(formatEndpoint(dest))) return;
    if (file?.forwarders.has(formatEndpoint(dest))) {
      this.#parts.tell(follower, { m: "leader_started", dest });
      return;
    }
    const why = this.#refusal(follower, dest);
    if (why) this.#refuse(follower, dest, why);
    else this.#open(file ?? this.#fileFor(follower), dest);
  }

  /** A follower needs nothing of `dest` any more. */
  stop(follower: Connection, dest: Endpoint): void {
    const file = this.#files.get(follower);
    const key = formatEndpoint(dest);
    const [errand, forwarder] = [file?.errands.get(key), file?.forwarders.get(key)];
    if (errand) this.#queue.drop(errand);
    if (forwarder) this.#sources.left(forwarder, this.#parts.clock.now());
    file?.errands.delete(key);
    file?.forwarders.delete(key);
    this.#endIfIdle(file);
  }

  /** A follower's indirect request. Of others it is ignored (false). */
  want(follower: Connection, pieces: readonly number[]): boolean {
    const file = this.#files.get(follower);
    if (!file) return false;
    const now = this.#parts.clock.now();
    for (const piece of pieces) {
      if (this.#parts.have.has(piece)) {
        if (file.answered.add(piece)) follower.sendHave(piece);
      } else if (file.wants.has(piece)) file.wants.set(piece, now);
      else if (file.wants.size < cache.wantsPerLeader && this.#parts.standing()?.leads(piece)) {
        file.wants.set(piece, now);
        this.#parts.requests.gotRequest(piece);
      }
    }
    return true;
  }

  mapped(connection: Connection): void {
    for (const forwarder of this.#sources.of(connection)) forwarder.mapped();
  }

  /** The other side has one more piece. */
  has(connection: Connection, piece: number): void {
    for (const forwarder of this.#sources.of(connection)) forwarder.has(piece);
    this.#endWant(this.#files.get(connection), piece);
  }

  /** We hold one more piece. With all that we lead nothing is left to be forwarded. */
  held(piece: number): void {
    for (const file of this.#files.values()) this.#endWant(file, piece);
    if (this.#files.size > 0 && this.#isDone()) this.leaveOffice();
  }

  /** Other pieces are wanted than before. */
  selectionChanged(): void {
    this.#firstMissing = 0;
  }

  closed(connection: Connection): void {
    const forwarders = this.#sources.closed(connection);
    const twin = forwarders.length > 0 ? this.#twinOf(connection) : undefined;
    for (const forwarder of forwarders) {
      if (twin) this.#sources.move(forwarder, twin);
      else this.#sourceLost(forwarder);
    }
    this.#end(this.#files.get(connection));
  }

  /** It leads no more, or has nothing to fetch any more: everything opened for followers ends. */
  leaveOffice(): void {
    for (const file of [...this.#files.values()]) {
      for (const { dest } of [...file.errands.values(), ...file.forwarders.values()]) {
        this.#parts.tell(file.follower, { m: "leader_stop", dest });
      }
      this.#end(file);
    }
  }

  sweep(now: number): void {
    for (const file of this.#files.values()) {
      file.relay.flush();
      // By now it is wanted of another leader.
      for (const [piece, at] of file.wants) if (now - at >= cache.wantMs) this.#endWant(file, piece);
    }
    this.#queue.sweep(now);
    this.#sources.sweep(now);
  }

  #refusal(follower: Connection, dest: Endpoint): Refusal | undefined {
    const { asnOf, connectionTo, isListed, isOutOfReach, ours, standing } = this.#parts;
    const office = standing();
    if (office?.role !== "leader") return "not leading";
    if (!isInternal(follower.asn, office.asn)) return "not my AS";
    if (this.#isDone()) return "complete";
    if (!mayBeDialled(dest, ours)) return "not in this swarm";
    if (isListed(dest) && isInternal(asnOf(dest.address) ?? UNKNOWN_ASN, office.asn)) return "same AS";
    if (this.#isFull(follower, dest)) return "full";
    const isUnreachable = isOutOfReach(dest) || this.#queue.hasFailed(dest);
    return isUnreachable && !connectionTo(dest) ? "unreachable" : undefined;
  }

  #isFull(follower: Connection, dest: Endpoint): boolean {
    const destinations = new Set<string>();
    let ofAddress = 0;
    for (const file of this.#files.values()) {
      const keys = [...file.errands.keys(), ...file.forwarders.keys()];
      for (const key of keys) destinations.add(key);
      const isNeighbour = hostOf(file.follower.remote.address) === hostOf(follower.remote.address);
      if (isNeighbour) ofAddress += keys.length;
    }
    const file = this.#files.get(follower);
    const ofFollower = file ? file.errands.size + file.forwarders.size : 0;
    const isNew = !destinations.has(formatEndpoint(dest));
    const all = destinations.size + this.#sources.unused;
    return (
      ofFollower >= cache.destinationsPerFollower ||
      ofAddress >= cache.destinationsPerAddress ||
      (isNew && all >= cache.destinationsPerLeader)
    );
  }

  #open(file: FollowerFile, dest: Endpoint): void {
    const errand: Errand = { follower: file.follower, dest, since: this.#parts.clock.now() };
    file.errands.set(formatEndpoint(dest), errand);
    this.#queue.add(errand);
  }

  #settled({ dest, follower }: Errand, outcome: Connection | Refusal): void {
    const file = this.#files.get(follower);
    file?.errands.delete(formatEndpoint(dest));
    if (!file) return;
    if (typeof outcome === "string") {
      this.#refuse(follower, dest, outcome);
      return;
    }
    this.#parts.tell(follower, { m: "leader_started", dest });
    const forwarder = new Forwarder(follower, dest, file.relay, outcome);
    file.forwarders.set(formatEndpoint(dest), forwarder);
    this.#sources.joined(forwarder);
  }

  #sourceLost({ dest, follower, source }: Forwarder): void {
    const { clock, tell } = this.#parts;
    const file = this.#files.get(follower);
    file?.forwarders.delete(formatEndpoint(dest));
    if (source.direction === "out" && clock.now() - source.openedAt < BRIEF_MS) this.#queue.failed(dest);
    tell(follower, { m: "leader_stop", dest });
    this.#endIfIdle(file);
  }

  /** When two peers dial each other one of the two connections is closed: forwarding goes on over the other one. */
  #twinOf({ peerId, remote }: Connection): Connection | undefined {
    if (peerId === undefined) return undefined;
    return [...this.#parts.connections].find(
      (one) => one.isOpen && one.peerId === peerId && one.remote.address === remote.address,
    );
  }

  /** Do we hold everything that we lead, or want of it? */
  #isDone(): boolean {
    const { settled, standing } = this.#parts;
    const office = standing();
    if (office !== this.#countedFor) this.#firstMissing = 0;
    this.#countedFor = office;
    while (this.#firstMissing < settled.pieceCount) {
      if (office?.leads(this.#firstMissing) && !settled.has(this.#firstMissing)) return false;
      this.#firstMissing++;
    }
    return true;
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

  #fileFor(follower: Connection): FollowerFile {
    const { have, settled, standing, tell } = this.#parts;
    const relay = new Relay({
      pieceCount: have.pieceCount,
      isNews: (piece) =>
        !settled.has(piece) && !follower.theirs.has(piece) && (standing()?.leads(piece) ?? false),
      tell: (body) => tell(follower, body),
    });
    const file: FollowerFile = {
      follower,
      relay,
      errands: new Map(),
      forwarders: new Map(),
      wants: new Map(),
      answered: new PieceSet(have.pieceCount),
    };
    this.#files.set(follower, file);
    return file;
  }

  #endWant(file: FollowerFile | undefined, piece: number): void {
    if (file?.wants.delete(piece)) this.#parts.requests.requestEnded(piece);
  }

  /** With nothing forwarded what was told is forgotten: a follower that asks again is told again. */
  #endIfIdle(file: FollowerFile | undefined): void {
    if (file?.errands.size === 0 && file.forwarders.size === 0) this.#end(file);
  }

  #end(file: FollowerFile | undefined): void {
    if (!file) return;
    const now = this.#parts.clock.now();
    this.#files.delete(file.follower);
    for (const piece of file.wants.keys()) this.#parts.requests.requestEnded(piece);
    for (const errand of file.errands.values()) this.#queue.drop(errand);
    for (const forwarder of file.forwarders.values()) this.#sources.left(forwarder, now);
  }
}
