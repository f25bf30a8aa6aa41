import { type ClaimMessage, type Endpoint, LIMITS, PieceSet } from "@cachetorrent/protocol";
import { Asking } from "./asking.ts";
import type { ClaimClientOptions } from "./claim-client-options.ts";
import { GrantKeeper } from "./grant-keeper.ts";
import { Grants } from "./grants.ts";
import { MissingPieces } from "./missing-pieces.ts";
import { NeighbourClaims } from "./neighbour-claims.ts";
import { Pace } from "./pace.ts";
import { RecentMedian } from "./recent-median.ts";
import { TakenPieces } from "./taken-pieces.ts";

/** A delivery makes room in our window as soon as the head knows of it. */
const HAVE_MS = 300;
/** Neighbours that are asked for more than one piece before a rate is known. */
const STARTING_MOST = 3;
/** A piece may take so many times as long as pieces took us. */
const PATIENCE = 4;

/** A member's claims at its head, for all its external connections. Pure: events and the time in, messages and callbacks out. */
export class ClaimClient<Neighbour extends object> {
  readonly #options: ClaimClientOptions<Neighbour>;
  readonly #sides = new Map<Neighbour, NeighbourClaims<Neighbour>>();
  readonly #grants = new Grants<Neighbour>(this.#sides);
  readonly #taken: TakenPieces;
  readonly #keeper: GrantKeeper<Neighbour>;
  readonly #held: PieceSet;
  readonly #missing: MissingPieces;
  readonly #asking: Asking<Neighbour>;
  readonly #pieceMs = new RecentMedian();
  readonly #pace = new Pace();

  constructor(options: ClaimClientOptions<Neighbour>) {
    this.#options = options;
    this.#taken = new TakenPieces(options.pieceCount, () => options.takenChanged());
    this.#held = new PieceSet(options.pieceCount);
    this.#keeper = new GrantKeeper({ options, sides: this.#sides, grants: this.#grants, taken: this.#taken });
    this.#asking = new Asking(options, this.#sides, (neighbour) => this.#isOpen(neighbour));
    this.#missing = new MissingPieces((fault) => options.headStalled(fault));
  }

  /** Held or claimed in the AS, as far as we were told. */
  isTaken(piece: number): boolean {
    return this.#taken.pieces.has(piece);
  }

  /** The same for all pieces; it changes with time, and is not to be changed by others. */
  get taken(): PieceSet {
    return this.#taken.pieces;
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
    const relieves = this.#taken.pieces.isFull && !this.#held.isFull && this.#options.mayRelieve?.(neighbour);
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
    this.#keeper.resumeKept(now);
    this.#asking.claim(side, now);
  }

  neighbourChoked(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    side.isUnchoked = false;
    side.isStarting = false;
    this.#keeper.giveUp(side, now);
  }

  /** The connection is gone. */
  neighbourGone(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    side.isUnchoked = false;
    this.#sides.delete(neighbour);
    this.#asking.void(side);
    this.#keeper.giveUp(side, now);
  }

  /** The neighbour may be cut off, by no fault of its own: all that was claimed there is for others to fetch, or for us elsewhere. */
  neighbourSilent(neighbour: Neighbour): void {
    const side = this.#sides.get(neighbour);
    if (!side) return;
    this.#asking.void(side);
    this.#keeper.giveBack(side);
  }

  /** The neighbour announced a piece. */
  neighbourGained(neighbour: Neighbour, piece: number, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side || this.#held.has(piece)) return;
    if (this.#grants.kept.has(piece)) this.#keeper.resumeKept(now);
    if (this.#taken.pieces.has(piece)) return;
    side.idleUntil = now;
    if (!side.waitsForRoom) side.retryAt = Math.min(side.retryAt, now);
    this.#asking.claim(side, now);
  }

  /** We hold it, from wherever it came. The head learns it from our have. */
  held(piece: number, now: number): void {
    if (!this.#held.add(piece)) return;
    this.#pace.came(now);
    this.#missing.found(piece);
    this.#taken.add(piece);
    this.#taken.tell();
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
    this.#keeper.renewAll(side, now);
  }

  /** What came from the neighbour does not have the piece's hash. */
  badData(neighbour: Neighbour, piece: number, now: number): void {
    this.#keeper.failed(neighbour, piece, "bad data", now);
  }

  /** The neighbour does not send what we asked for. */
  stalled(neighbour: Neighbour, piece: number, now: number): void {
    this.#keeper.failed(neighbour, piece, "stalled", now);
  }

  /** We do not want the piece any more: whoever does may claim it. */
  renounced(piece: number): void {
    this.#keeper.renounce(piece);
  }

  /** So long a piece may be on its way, by how long pieces took us from their grants to the disk; 0 before the first. */
  get onItsWayMs(): number {
    return PATIENCE * (this.#pieceMs.value ?? 0);
  }

  /** How long the rest of what we want takes, at the pace of the latest pieces; 0 before there is one. */
  get restMs(): number {
    return this.#pace.timeForMs(this.#options.missingCount());
  }

  /** Taken, and no internal neighbour holds it: asks who does, if it is time. */
  missing(piece: number, now: number): void {
    const port = this.#options.port();
    if (!port || this.#held.has(piece) || !this.#taken.pieces.has(piece) || this.#grants.has(piece)) return;
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
    this.#taken.tell();
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    for (const side of [...this.#sides.values()]) {
      if (this.#asking.isOverdue(side, now)) {
        this.#asking.void(side);
        side.retryAt = now + LIMITS.claims.deniedMs;
        this.#options.headStalled("unanswered");
      }
      this.#keeper.sweep(side, now);
      this.#asking.claim(side, now);
    }
    this.#keeper.sweepKept(now);
    const isOver = (piece: number) =>
      this.#held.has(piece) ||
      !this.#taken.pieces.has(piece) ||
      this.#grants.has(piece) ||
      this.#options.internalHas(piece);
    this.#missing.sweep(isOver, Math.max(this.onItsWayMs, this.restMs), now);
    this.#taken.tell();
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
    this.#keeper.declare(port, now);
    for (const side of [...this.#sides.values()]) this.#asking.claim(side, now);
  }

  /** We leave: everything is given back. */
  close(_now: number): void {
    this.#keeper.close();
    this.#sides.clear();
  }

  /** What may be claimed from the neighbour: with relief, extra copies too. */
  #isOpen(neighbour: Neighbour): (piece: number) => boolean {
    const relieves = this.#taken.pieces.isFull && (this.#options.mayRelieve?.(neighbour) ?? false);
    return (piece) =>
      (relieves || !this.#taken.pieces.has(piece)) && !this.#held.has(piece) && !this.#grants.has(piece);
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
        this.#taken.add(piece);
        usable.push(piece);
      } else this.#keeper.release(piece, "choked", claim.from);
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
    for (const piece of pieces) this.#taken.add(piece);
  }

  #onMap(bits: Uint8Array, from: number, now: number): void {
    if (!this.#taken.overwrite(bits, from)) return;
    for (const side of this.#sides.values()) side.idleUntil = now;
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
}
