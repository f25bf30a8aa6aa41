import {
  type ClaimMessage,
  type Endpoint,
  LIMITS,
  PieceSet,
  type ReleaseReason,
} from "@cachetorrent/protocol";
import { Asking } from "./asking.ts";
import type { ClaimClientOptions } from "./claim-client-options.ts";
import { Grants } from "./grants.ts";
import { MissingPieces } from "./missing-pieces.ts";
import { type Grant, NeighbourClaims } from "./neighbour-claims.ts";
import { patienceMs } from "./patience.ts";
import { RecentMedian } from "./recent-median.ts";

/** Renewals in the time of a claim. */
const RENEWALS = 3;
/** A neighbour that stalled is left alone for so long. */
const STALLED_MS = 5000;
/** A delivery makes room in our window as soon as the head knows of it. */
const HAVE_MS = 300;
/** Neighbours that are asked for more than one piece before a rate is known. */
const STARTING_MOST = 3;

/** A member's claims at its head, for all its external connections. Pure: events and the time in, messages and callbacks out. */
export class ClaimClient<Neighbour extends object> {
  readonly #options: ClaimClientOptions<Neighbour>;
  readonly #sides = new Map<Neighbour, NeighbourClaims<Neighbour>>();
  readonly #grants = new Grants<Neighbour>(this.#sides);
  readonly #taken: PieceSet;
  readonly #held: PieceSet;
  readonly #missing: MissingPieces;
  readonly #asking: Asking<Neighbour>;
  readonly #pieceMs = new RecentMedian();
  #isTakenNews = false;

  constructor(options: ClaimClientOptions<Neighbour>) {
    this.#options = options;
    this.#taken = new PieceSet(options.pieceCount);
    this.#held = new PieceSet(options.pieceCount);
    this.#asking = new Asking(options, this.#sides, (neighbour) => this.#isOpen(neighbour));
    this.#missing = new MissingPieces((fault) => options.headStalled(fault));
  }

  /** Held or claimed in the AS, as far as we were told. */
  isTaken(piece: number): boolean {
    return this.#taken.has(piece);
  }

  /** The same for all pieces; it changes with time, and is not to be changed by others. */
  get taken(): PieceSet {
    return this.#taken;
  }

  /** What may be fetched from this neighbour now, in this order. */
  requestable(neighbour: Neighbour): number[] {
    const side = this.#sides.get(neighbour);
    return side?.isUnchoked ? [...side.requestable()] : [];
  }

  /** Is there anything that it would give us: granted, kept until somebody goes on with it, or an extra copy? */
  isOfUse(neighbour: Neighbour): boolean {
    if ((this.#sides.get(neighbour)?.grants.size ?? 0) > 0) return true;
    for (const { grant } of this.#grants.kept) if (this.#options.has(neighbour, grant.piece)) return true;
    const relieves = this.#taken.isFull && !this.#held.isFull && this.#options.mayRelieve?.(neighbour);
    return relieves === true;
  }

  /** In the order in which they are to be requested. */
  grantsOf(neighbour: Neighbour): number[] {
    return [...(this.#sides.get(neighbour)?.grants.keys() ?? [])];
  }

  neighbourUnchoked(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour) ?? new NeighbourClaims(neighbour);
    this.#sides.set(neighbour, side);
    if (side.isUnchoked) return;
    side.isUnchoked = true;
    const starting = [...this.#sides.values()].filter(({ isStarting }) => isStarting).length;
    side.isStarting = starting < STARTING_MOST;
    side.idleUntil = now;
    this.#resumeKept(now);
    this.#asking.claim(side, now);
  }

  neighbourChoked(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    side.isUnchoked = false;
    side.isStarting = false;
    this.#giveUp(side, now);
  }

  /** The connection is gone. */
  neighbourGone(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    side.isUnchoked = false;
    this.#sides.delete(neighbour);
    this.#asking.void(side);
    this.#giveUp(side, now);
  }

  /** The neighbour announced a piece. */
  neighbourGained(neighbour: Neighbour, piece: number, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side || this.#held.has(piece)) return;
    if (this.#grants.kept.has(piece)) this.#resumeKept(now);
    if (this.#taken.has(piece)) return;
    side.idleUntil = now;
    if (!side.waitsForRoom) side.retryAt = Math.min(side.retryAt, now);
    this.#asking.claim(side, now);
  }

  /** We hold it, from wherever it came. The head learns it from our have. */
  held(piece: number, now: number): void {
    if (!this.#held.add(piece)) return;
    this.#missing.found(piece);
    this.#take(piece);
    this.#tellTaken();
    this.#grants.kept.remove(piece);
    const side = this.#grants.at(piece);
    if (!side) return;
    const grant = this.#grants.remove(piece);
    if (grant) this.#pieceMs.add(now - grant.grantedAt);
    for (const other of this.#sides.values()) {
      if (other.waitsForRoom) other.retryAt = Math.min(other.retryAt, now + HAVE_MS);
    }
    this.#asking.claim(side, now);
  }

  /** Payload came from the neighbour. */
  bytesCame(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    for (const grant of side.grants.values()) {
      grant.since = now;
      grant.freshAt = now;
    }
    this.#renewAll(side, now);
  }

  /** What came from the neighbour does not have the piece's hash. */
  badData(neighbour: Neighbour, piece: number, now: number): void {
    this.#failed(neighbour, piece, "bad data", now);
  }

  /** The neighbour does not send what we asked for. */
  stalled(neighbour: Neighbour, piece: number, now: number): void {
    this.#failed(neighbour, piece, "stalled", now);
  }

  /** Taken, and no internal neighbour holds it: asks who does, if it is time. */
  missing(piece: number, now: number): void {
    const port = this.#options.port();
    if (!port || this.#held.has(piece) || !this.#taken.has(piece) || this.#grants.has(piece)) return;
    const question = this.#missing.missing(piece, this.#asking.nextQ(), now);
    if (question) port.send(question);
  }

  /** A holder that the head named could not be reached, or did not serve. */
  didNotServe(piece: number, endpoint: Endpoint): void {
    this.#missing.didNotServe(piece, endpoint);
  }

  /** A holder that the head named does not have it. */
  holderLacks(piece: number, endpoint: Endpoint): void {
    this.#missing.lacks(piece, endpoint);
  }

  /** From the head; what comes from anybody else is for the caller to leave out. */
  received(body: ClaimMessage, now: number): void {
    switch (body.m) {
      case "grant":
        this.#onGrant(body, now);
        break;
      case "deny":
        this.#onDeny(body, now);
        break;
      case "taken":
        this.#onTaken(body.pieces);
        break;
      case "taken_map":
        this.#onMap(body.bits, body.from, now);
        break;
      case "revoke":
        this.#onRevoke(body.piece, now);
        break;
      case "holders":
        this.#onHolders(body, now);
        break;
      default:
        break;
    }
    this.#tellTaken();
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    for (const side of [...this.#sides.values()]) {
      if (this.#asking.isOverdue(side, now)) {
        this.#asking.void(side);
        side.retryAt = now + LIMITS.claims.deniedMs;
        this.#options.headStalled("unanswered");
      }
      this.#checkGrants(side, now);
      this.#renewAll(side, now);
      this.#asking.claim(side, now);
    }
    for (const { grant, from } of this.#grants.kept.overdue(now)) {
      this.#grants.kept.remove(grant.piece);
      this.#release(grant.piece, "choked", from);
    }
    this.#resumeKept(now);
    this.#renew(this.#grants.kept.toRenew(now));
    const isOver = (piece: number) =>
      this.#held.has(piece) ||
      !this.#taken.has(piece) ||
      this.#grants.has(piece) ||
      this.#options.internalHas(piece);
    this.#missing.sweep(isOver, this.#pieceMs.value, now);
    this.#tellTaken();
  }

  /** There is another head, or a way to it again: it is told what we have open. */
  headChanged(now: number): void {
    this.#missing.headChanged();
    for (const side of this.#sides.values()) {
      this.#asking.void(side);
      side.waitsForRoom = false;
      side.retryAt = now;
      side.idleUntil = now;
    }
    const port = this.#options.port();
    if (!port) return;
    const grants = [...this.#grants.all()];
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at === 0 || at < grants.length; at += most) {
      const part = grants.slice(at, at + most);
      port.send({
        m: "open",
        pieces: part.map(({ piece }) => piece),
        ttlsMs: part.map(({ since, ttlMs }) => Math.max(0, Math.round(since + ttlMs - now))),
      });
    }
    for (const side of [...this.#sides.values()]) this.#asking.claim(side, now);
  }

  /** We leave: everything is given back. */
  close(_now: number): void {
    for (const { grants, neighbour } of this.#sides.values()) {
      for (const piece of grants.keys()) this.#release(piece, "leaving", this.#options.endpointOf(neighbour));
    }
    for (const { grant, from } of this.#grants.kept) this.#release(grant.piece, "leaving", from);
    this.#grants.clear();
    this.#sides.clear();
  }

  /** What may be claimed from the neighbour: with relief, extra copies too. */
  #isOpen(neighbour: Neighbour): (piece: number) => boolean {
    const relieves = this.#taken.isFull && (this.#options.mayRelieve?.(neighbour) ?? false);
    return (piece) =>
      (relieves || !this.#taken.has(piece)) && !this.#held.has(piece) && !this.#grants.has(piece);
  }

  #send(body: ClaimMessage): void {
    this.#options.port()?.send(body);
  }

  /** All that is granted there, a few times in the time of a claim: as long as we are patient the head is to be, too. */
  #renewAll(side: NeighbourClaims<Neighbour>, now: number): void {
    const [first] = side.grants.values();
    if (!first || now - Math.max(side.renewedAt, first.grantedAt) < first.ttlMs / RENEWALS) return;
    side.renewedAt = now;
    this.#renew([...side.grants.keys()]);
  }

  #renew(pieces: readonly number[]): void {
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at < pieces.length; at += most) {
      this.#send({ m: "renew", pieces: pieces.slice(at, at + most) });
    }
  }

  /** It is free then, and may be claimed again, by us too. */
  #release(piece: number, why: ReleaseReason, from: Endpoint): void {
    this.#send({ m: "release", piece, why, from });
    if (!this.#taken.delete(piece)) return;
    this.#isTakenNews = true;
    // Another neighbour may have it.
    for (const side of this.#sides.values()) side.idleUntil = Number.NEGATIVE_INFINITY;
  }

  #take(piece: number): void {
    if (this.#taken.add(piece)) this.#isTakenNews = true;
  }

  /** Once for all that one event did. */
  #tellTaken(): void {
    if (!this.#isTakenNews) return;
    this.#isTakenNews = false;
    this.#options.takenChanged();
  }

  #onGrant({ q, pieces, ttlMs }: ClaimMessage & { m: "grant" }, now: number): void {
    const answered = this.#asking.answered(q);
    if (!answered) return;
    const { claim, side } = answered;
    const asked = new Set(claim.pieces);
    const usable: number[] = [];
    for (const piece of new Set(pieces)) {
      if (!asked.has(piece) || this.#held.has(piece) || this.#grants.has(piece)) continue;
      if (side?.isUnchoked) {
        this.#grants.place({ piece, ttlMs, grantedAt: now, freshAt: now, since: now }, side);
        this.#take(piece);
        usable.push(piece);
      } else this.#release(piece, "choked", claim.from);
    }
    if (!side) return;
    side.triedAtOnce = false;
    this.#asking.measure(side, now);
    if (usable.length > 0) this.#options.granted(side.neighbour, usable);
    this.#asking.claim(side, now);
  }

  #onDeny({ q, why, taken }: ClaimMessage & { m: "deny" }, now: number): void {
    if (taken) this.#onMap(taken, 0, now);
    const { claim, side } = this.#asking.answered(q) ?? {};
    if (!claim || !side) return;
    side.retryAt = now + LIMITS.claims.deniedMs;
    side.waitsForRoom = why === "window";
    if (why === "held" || why === "claimed") {
      // It came with the map, so the next one can be better; once, for a head that sends the wrong one would have us ask without end.
      if (taken && !side.triedAtOnce) side.retryAt = now;
      side.triedAtOnce = taken !== undefined && !side.triedAtOnce;
      this.#missing.denied(claim.pieces, now);
    }
    this.#asking.claim(side, now);
  }

  #onTaken(pieces: readonly number[]): void {
    for (const piece of pieces) this.#take(piece);
  }

  #onMap(bits: Uint8Array, from: number, now: number): void {
    const before = this.#taken.size;
    const isFreed = this.#taken.overwrite(bits, from);
    if (isFreed) for (const side of this.#sides.values()) side.idleUntil = now;
    if (isFreed || this.#taken.size !== before) this.#isTakenNews = true;
  }

  #onRevoke(piece: number, now: number): void {
    this.#grants.kept.remove(piece);
    const side = this.#grants.at(piece);
    this.#grants.remove(piece);
    if (!side) return;
    this.#options.lost(side.neighbour, piece);
    this.#asking.claim(side, now);
  }

  #onHolders(body: ClaimMessage & { m: "holders" }, now: number): void {
    const endpoints = this.#missing.answered(body, now);
    if (endpoints.length > 0) this.#options.connectTo(endpoints, body.piece);
  }

  #failed(neighbour: Neighbour, piece: number, why: ReleaseReason, now: number): void {
    const side = this.#grants.at(piece);
    if (side?.neighbour !== neighbour) return;
    this.#grants.remove(piece);
    side.retryAt = Math.max(side.retryAt, now + STALLED_MS);
    this.#release(piece, why, this.#options.endpointOf(neighbour));
    this.#options.lost(neighbour, piece);
    this.#tellTaken();
  }

  /** The neighbour serves us no more. What we have bytes of goes to another or is kept, the rest is given back. */
  #giveUp(side: NeighbourClaims<Neighbour>, now: number): void {
    const from = this.#options.endpointOf(side.neighbour);
    for (const grant of [...side.grants.values()]) {
      const hasBytes = this.#options.hasBytesOf(grant.piece);
      this.#grants.remove(grant.piece);
      this.#options.lost(side.neighbour, grant.piece);
      if (!hasBytes) this.#release(grant.piece, "choked", from);
      else if (!this.#resume(grant, now)) this.#grants.keep({ grant, from });
    }
    this.#tellTaken();
  }

  #resumeKept(now: number): void {
    for (const { grant } of [...this.#grants.kept]) {
      if (this.#resume(grant, now)) this.#grants.kept.remove(grant.piece);
    }
  }

  /** At another neighbour, which we did not ask for it. */
  #resume(grant: Grant, now: number): boolean {
    const { piece } = grant;
    const side = this.#grants.move(grant, (neighbour) => this.#options.has(neighbour, piece), now);
    if (!side) return false;
    this.#renew([piece]);
    this.#options.granted(side.neighbour, [piece]);
    return true;
  }

  /** A neighbour that stands still fails once, whatever was queued there. */
  #checkGrants(side: NeighbourClaims<Neighbour>, now: number): void {
    let why: ReleaseReason = "stalled";
    const rate = this.#options.rate(side.neighbour, now);
    for (const { piece, since, ttlMs } of [...side.grants.values()]) {
      if (now - since < patienceMs(rate, ttlMs, this.#options.pieceLength)) continue;
      this.#failed(side.neighbour, piece, why, now);
      why = "choked";
    }
  }
}
