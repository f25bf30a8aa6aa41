import {
  type Asn,
  type CtCacheMessage,
  type Endpoint,
  isInternal,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import { RateMeter } from "../rates/rate-meter.ts";
import type { Role } from "../roles/role.ts";
import type { Connection } from "../wire/connection.ts";
import type { ConnectionOwner } from "../wire/connection-owner.ts";
import type { Landing } from "../wire/landing.ts";
import { Disclosure } from "./disclosure.ts";
import { Downloads } from "./downloads.ts";
import type { ExchangeParts } from "./exchange-parts.ts";
import { HangUps } from "./hang-ups.ts";
import { Interest } from "./interest.ts";
import { Silence } from "./silence.ts";
import type { Uploading } from "./uploading.ts";
import { Uploads } from "./uploads.ts";

/** What people see as the rate: long enough not to flicker. */
const DISPLAY_WINDOW_MS = 3000;

/**
 * The connections of one torrent, and who is told what: what a connection says goes to `Downloads` and `Uploads`, what
 * we get is announced to the others.
 */
export class Exchange implements ConnectionOwner<Connection> {
  readonly connections = new Set<Connection>();
  /** Payload in and out. */
  readonly inRate: RateMeter;
  readonly outRate: RateMeter;
  readonly #parts: ExchangeParts;
  readonly downloads: Downloads;
  readonly #uploads: Uploads;
  readonly #disclosure: Disclosure;
  readonly #silence: Silence;
  readonly #hangUps: HangUps;
  readonly interest: Interest;
  #role: Role;
  /** Everything wanted is there, and that was told. */
  #isDone: boolean;
  #isStopped = false;

  constructor(parts: ExchangeParts) {
    const { clock, content, ledger } = parts;
    this.#parts = parts;
    this.#role = parts.role;
    this.#isDone = parts.wanted.settled.isFull;
    this.inRate = new RateMeter(clock.now(), DISPLAY_WINDOW_MS);
    this.outRate = new RateMeter(clock.now(), DISPLAY_WINDOW_MS);
    this.#disclosure = new Disclosure({
      ...parts,
      connections: this.connections,
      role: () => this.#role,
      shown: () => parts.watcher.shown(),
    });
    this.interest = new Interest({ ...parts, connections: this.connections, role: () => this.#role });
    this.downloads = new Downloads({
      ...parts,
      connections: this.connections,
      throttle: (connection) => parts.rates.down(this.#isInside(connection)),
      mayRequest: (connection, piece) => this.#role.mayRequest(connection, piece),
      granted: (connection) => this.interest.grantsFor(connection)?.granted(connection),
      snubbed: (connection) => parts.watcher.snubbed(connection),
      spoiled: (connections, piece) => parts.watcher.spoiled(connections, piece),
      isValid: (piece, bytes) => content.isValid(piece, bytes),
      store: (piece, bytes) => content.storeAtOnce(piece, bytes) || content.store(piece, bytes),
      keep: (piece, bytes) => this.#isLacked(piece) && content.keep(piece, bytes),
      stored: (piece, origin) => {
        ledger.pieceVerified(origin);
        this.#hold(piece);
      },
    });
    this.#uploads = new Uploads({
      ...parts,
      connections: this.connections,
      watcher: this.#disclosure,
      role: () => this.#role,
      pieceSize: (piece) => parts.shape.pieceSize(piece),
      isAtHand: (request, fromDisk) => content.isAtHand(request, fromDisk),
      atOnce: (request, fromDisk) => content.atOnce(request, fromDisk),
      lend: (block) => content.lend(block),
      load: (request) => content.load(request),
      throttle: (connection) => parts.rates.up(this.#isInside(connection)),
      sent: (connection, bytes) => {
        ledger.sent(connection.asn, bytes);
        this.outRate.add(bytes, clock.now());
      },
    });
    this.#silence = new Silence(
      {
        connections: this.connections,
        isOutsideMember: (connection) =>
          connection.isHandshaken && connection.speaksCtCache && this.#disclosure.isOutside(connection),
        isHoldingBack: () => this.isHoldingBack,
        fellSilent: (connection) => this.#fellSilent(connection),
        spokeAgain: (connection) => this.#spokeAgain(connection),
      },
      clock.now(),
    );
    this.#hangUps = new HangUps({ ...parts, connections: this.connections, role: () => this.#role });
    this.uploadBy(parts.uploading ?? "plain");
  }

  /** Does it, an initial seed, show its pieces one by one? */
  get isHoldingBack(): boolean {
    return this.#disclosure.isHoldingBack;
  }

  get role(): Role {
    return this.#role;
  }

  /** From now on pieces are given away by these rules. */
  uploadBy(uploading: Uploading): void {
    this.#disclosure.uploadBy(uploading);
    this.#uploads.uploadBy(uploading);
    this.#uploads.fillSlots();
  }

  /** From now on only what the role allows is asked for; what was asked for before is taken back. */
  setRole(role: Role): void {
    this.#role = role;
    // Plain BitTorrent, whatever the reason: nobody waits any longer for the word of a tracker.
    if (role.name === "independent" && this.#disclosure.isUndecided) this.uploadBy("plain");
    this.roleRulesChanged();
    this.#uploads.fillSlots();
  }

  /** What the role allows is something else than before. */
  roleRulesChanged(): void {
    for (const connection of this.connections) {
      this.downloads.count(connection, this.interest.grantsFor(connection) === undefined);
      this.downloads.withdraw(connection);
      this.interest.recount(connection);
      this.#hangUps.closeIfUseless(connection);
    }
    this.downloads.refillAllIn(0);
  }

  /** Other pieces are wanted than before; with none missing the download is complete. */
  selectionChanged(): void {
    this.downloads.selectionChanged();
    for (const connection of this.connections) {
      this.downloads.forwarded.recount(connection);
      this.interest.recount(connection);
    }
    this.#tellIfDone();
  }

  /** Connections with other ASes over which answers to our requests, taken back or not, may still come. */
  awaitingOutside(asn: Asn): Connection[] {
    return [...this.connections].filter((one) => !isInternal(one.asn, asn) && one.outstanding.unanswered > 0);
  }

  /** What was opened for a follower becomes a connection like any other: what we hold is told. */
  becomeDirect(connection: Connection): void {
    if (!connection.isIndirect) return;
    connection.isIndirect = false;
    this.#disclosure.becameDirect(connection);
    this.#uploads.fillSlots();
  }

  add(connection: Connection): void {
    this.connections.add(connection);
    connection.isCounted = this.interest.grantsFor(connection) === undefined;
  }

  /** Called a few times a second: time-outs, the choker's rounds, and whatever an event may have missed. */
  sweep(now: number): void {
    this.interest.sweep();
    this.#hangUps.sweep(now);
    this.#silence.sweep(now);
    this.#disclosure.sweep(now);
    this.#uploads.sweep(now);
    this.downloads.sweep(now);
    // In case that something went wrong right after the last piece.
    this.#tellIfDone();
  }

  /** In place of `sweep` while nobody is connected and nothing is missing: the choker's rounds go on in their time. */
  sweepAtRest(now: number): void {
    this.#uploads.sweep(now);
  }

  /** Closes every connection, letting what is under way arrive. */
  stop(): void {
    this.#isStopped = true;
    this.#disclosure.flush();
    this.downloads.stop();
    for (const connection of this.connections) connection.close("stopping");
    if (this.connections.size === 0) this.downloads.giveUp();
  }

  /** Cuts every connection off. */
  kill(): void {
    this.#isStopped = true;
    this.downloads.stop();
    for (const connection of [...this.connections]) connection.abort("killed");
  }

  // What connections tell.

  handshaken(connection: Connection): boolean {
    const why = this.#isStopped ? "stopping" : this.#parts.refuse(connection);
    if (why) connection.close(why);
    return why === undefined;
  }

  ready(connection: Connection): void {
    this.#disclosure.ready(connection);
  }

  mapped(connection: Connection): void {
    this.downloads.joined(connection);
    if (connection.forwarded)
      connection.theirs.each((piece) => this.downloads.forwarded.announced(connection, piece));
    this.interest.recount(connection);
    this.#disclosure.mapped(connection);
    this.#parts.watcher.mapped(connection);
    this.#hangUps.closeIfUseless(connection);
  }

  has(connection: Connection, piece: number): void {
    this.downloads.gained(connection, piece);
    this.downloads.forwarded.announced(connection, piece);
    this.#disclosure.announced(connection, piece);
    this.#parts.watcher.has(connection, piece);
    if (!this.interest.gained(connection, piece)) this.#hangUps.closeIfUseless(connection);
    else if (connection.outstanding.size === 0) this.downloads.refill(connection);
  }

  interestChanged(connection: Connection): void {
    // Who was choked and wants nothing, or has a slot and wants more, neither takes one nor frees one.
    if (connection.isInterested === connection.upload.isChoking) this.#uploads.fillSlots();
  }

  choked(connection: Connection): void {
    this.#parts.watcher.choked(connection);
  }

  unchoked(connection: Connection): void {
    this.interest.unchoked(connection);
    this.#parts.watcher.unchoked(connection);
    this.downloads.refill(connection);
  }

  released(connection: Connection, keys: readonly number[]): void {
    this.downloads.released(connection, keys);
  }

  land(piece: number, begin: number, length: number): Landing | undefined {
    return this.downloads.land(piece, begin, length);
  }

  block(connection: Connection, piece: number, begin: number, bytes: Uint8Array): void {
    this.#parts.ledger.received(connection.asn, bytes.length, piece);
    if (connection.isWebSeed) this.#parts.ledger.fromWebSeed(bytes.length);
    this.inRate.add(bytes.length, this.#parts.clock.now());
    this.#parts.watcher.received(connection);
    this.downloads.received(connection, piece, begin, bytes);
    this.downloads.refill(connection);
  }

  mayServe(connection: Connection, piece: number): boolean {
    const mayKnow = this.#role.reveals(connection, piece) && this.#disclosure.mayServe(connection, piece);
    return mayKnow && this.#parts.have.has(piece);
  }

  requested(connection: Connection, piece?: number): void {
    this.#uploads.requested(connection, piece);
  }

  introduced(connection: Connection): void {
    this.#disclosure.introduced(connection);
    this.#parts.watcher.introduced(connection);
  }

  told(connection: Connection, message: CtCacheMessage | UnknownCtCacheMessage): void {
    this.#parts.watcher.told(connection, message);
  }

  toldOfPeers(connection: Connection, endpoints: readonly Endpoint[]): void {
    this.#parts.toldOfPeers(connection, endpoints);
  }

  closed(connection: Connection, reason: string): void {
    this.connections.delete(connection);
    this.#silence.left(connection);
    this.interest.left(connection);
    this.#disclosure.left(connection);
    this.#uploads.left(connection);
    this.downloads.left(connection);
    this.downloads.forwarded.ended(connection);
    this.#parts.closed(connection, reason);
    this.#parts.watcher.closed(connection);
    if (!this.#isStopped) this.#uploads.fillSlots();
    else if (this.connections.size === 0) this.downloads.giveUp();
  }

  /** A piece is ours now. */
  #hold(piece: number): void {
    const { have, wanted } = this.#parts;
    have.add(piece);
    const wasMissing = wanted.held(piece);
    this.#disclosure.held(piece);
    for (const connection of this.connections) {
      // What came although it is not wanted any more was not counted either.
      if (!wasMissing) break;
      this.downloads.forwarded.held(connection, piece);
      this.interest.held(connection, piece);
    }
    this.#parts.watcher.held(piece);
    this.interest.recountGranted();
    this.#tellIfDone();
    if (have.isFull) for (const connection of this.connections) this.#hangUps.closeIfUseless(connection);
  }

  /** Has somebody who is here yet to get it? */
  #isLacked(piece: number): boolean {
    for (const { isHandshaken, isOpen, theirs } of this.connections) {
      if (isHandshaken && isOpen && !theirs.has(piece)) return true;
    }
    return false;
  }

  /** Once each time that nothing wanted is missing any more. */
  #tellIfDone(): void {
    const wasDone = this.#isDone;
    this.#isDone = this.#parts.wanted.settled.isFull;
    if (!this.#isDone || wasDone) return;
    this.#disclosure.flush();
    this.#parts.completed();
  }

  /** As the ledger counts: who is of an unknown AS is outside. */
  #isInside(connection: Connection): boolean {
    return isInternal(connection.asn, this.#parts.ledger.asn);
  }

  /** It may be cut off: what it was to give is for others to give, and its slot, and what was shown to it, for others to get. */
  #fellSilent(connection: Connection): void {
    connection.isSilent = true;
    this.downloads.fellSilent(connection);
    this.#parts.watcher.fellSilent(connection);
    this.#uploads.fellSilent(connection);
    this.#disclosure.fellSilent(connection);
  }

  #spokeAgain(connection: Connection): void {
    connection.isSilent = false;
    this.#disclosure.spokeAgain(connection);
  }
}
