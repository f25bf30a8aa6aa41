import type { Random } from "@cachetorrent/clock";
import {
  type ClaimMessage,
  type DenyReason,
  type Endpoint,
  LIMITS,
  type PeerId,
  type ReleaseReason,
} from "@cachetorrent/protocol";
import { grantedAhead, requestedAhead } from "./ahead.ts";
import type { HeadPort } from "./head-port.ts";
import { type KeptClaim, KeptClaims } from "./kept-claims.ts";
import { type Grant, NeighbourClaims, type Outstanding } from "./neighbour-claims.ts";
import { PieceMap } from "./piece-map.ts";
import { RecentMedian } from "./recent-median.ts";
import { WhereDesk } from "./where-desk.ts";
import { WithheldPieces } from "./withheld-pieces.ts";

/** A claim unanswered for so long: the head has stalled. */
const ANSWER_MS = 10_000;
/** Neighbours that are asked for more than one piece before a rate is known. */
const STARTING_MOST = 3;
/** A neighbour that had nothing to claim is looked at again, whatever happens. */
const IDLE_MS = 5000;
/** After this part of its time without bytes a grant is given back: sooner than the head takes it, which would blame us. */
const PATIENCE = 0.8;
/** A neighbour that stalled is left alone for so long. */
const STALLED_MS = 5000;
/** A delivery makes room in our window as soon as the head knows of it. */
const HAVE_MS = 300;
/** Claims without an answer that are remembered. */
const VOIDED_MOST = 64;

export type HeadFault =
  /** A claim was not answered. */
  | "unanswered"
  /** Holders that it named do not have the piece. */
  | "false holders"
  /** It calls a piece taken that nobody has whom we know. */
  | "withheld";

export interface ClaimClientOptions<Neighbour extends object> {
  readonly pieceCount: number;
  /** Bytes. */
  readonly pieceLength: number;
  /** Our declared upload capacity, bytes/s. */
  readonly up: number;
  readonly random: Random;
  /** The head as it is now; undefined while there is none. */
  port(): HeadPort | undefined;
  /** At most `most` pieces that the neighbour holds, we lack, and `isOpen`; best first. */
  candidates(neighbour: Neighbour, most: number, isOpen: (piece: number) => boolean): number[];
  /** Does the neighbour hold it? */
  has(neighbour: Neighbour, piece: number): boolean;
  /** Bytes/s that came from it lately. */
  rate(neighbour: Neighbour, now: number): number;
  headRttMs(): number;
  neighbourRttMs(neighbour: Neighbour): number;
  endpointOf(neighbour: Neighbour): Endpoint;
  /** Have bytes of it come, without the piece being whole? */
  hasBytesOf(piece: number): boolean;
  /** Does an internal neighbour hold it? */
  internalHas(piece: number): boolean;
  /** These may be fetched from the neighbour now, in this order: as far as `mayRequestNow`. */
  granted(neighbour: Neighbour, pieces: readonly number[]): void;
  /** This may not be fetched from the neighbour any more: cancel it there, and keep what came of it. */
  lost(neighbour: Neighbour, piece: number): void;
  /** What `isTaken` says has changed: interest may have. */
  takenChanged(): void;
  /** The head is to be reported. Told again while it goes on. */
  headStalled(fault: HeadFault): void;
  /** The head named these as holders of a piece that we miss. */
  connectTo(endpoints: readonly Endpoint[], piece: number): void;
  /** A claim was denied; `head` is who the asked one thinks is head, with "not head". */
  denied?(why: DenyReason, head: PeerId | undefined): void;
  /** May an extra copy come from there, under a relief of more than 1? By default not. */
  mayRelieve?(neighbour: Neighbour): boolean;
}

/** A member's claims at its head, for all its external connections. Pure: events and the time in, messages and callbacks out. */
export class ClaimClient<Neighbour extends object> {
  readonly #options: ClaimClientOptions<Neighbour>;
  readonly #sides = new Map<Neighbour, NeighbourClaims<Neighbour>>();
  /** Of each granted piece, where it is fetched. */
  readonly #granted = new Map<number, NeighbourClaims<Neighbour>>();
  readonly #kept = new KeptClaims();
  readonly #taken: PieceMap;
  readonly #held: PieceMap;
  readonly #where = new WhereDesk();
  readonly #withheld = new WithheldPieces();
  readonly #pieceMs = new RecentMedian();
  /** Claims that we do not wait for any more, the latest. */
  #voided: Outstanding[] = [];
  #q = 0;

  constructor(options: ClaimClientOptions<Neighbour>) {
    this.#options = options;
    this.#taken = new PieceMap(options.pieceCount);
    this.#held = new PieceMap(options.pieceCount);
  }

  /** Held or claimed in the AS, as far as we were told. */
  isTaken(piece: number): boolean {
    return this.#taken.has(piece);
  }

  /** The same for all pieces, as a bitfield that changes with time. */
  get taken(): Uint8Array {
    return this.#taken.bits;
  }

  /** What may be fetched from this neighbour now, in this order. */
  requestable(neighbour: Neighbour): number[] {
    const side = this.#sides.get(neighbour);
    return side?.isUnchoked ? [...side.requestable()] : [];
  }

  /** May it be fetched from this neighbour, now or later? */
  isGranted(neighbour: Neighbour, piece: number): boolean {
    return this.#granted.get(piece)?.neighbour === neighbour;
  }

  mayRequestNow(neighbour: Neighbour, piece: number): boolean {
    const side = this.#granted.get(piece);
    if (side?.neighbour !== neighbour || !side.isUnchoked) return false;
    for (const requestable of side.requestable()) if (requestable === piece) return true;
    return false;
  }

  /** May anything be fetched from it? */
  hasGrants(neighbour: Neighbour): boolean {
    return (this.#sides.get(neighbour)?.grants.size ?? 0) > 0;
  }

  /** In the order in which they are to be requested. */
  grantsOf(neighbour: Neighbour): number[] {
    return [...(this.#sides.get(neighbour)?.grants.keys() ?? [])];
  }

  /** Claims that are kept for want of a neighbour. */
  get keptCount(): number {
    return this.#kept.size;
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
    this.#claim(side, now);
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
    this.#void(side);
    this.#giveUp(side, now);
  }

  /** The neighbour announced a piece. */
  neighbourGained(neighbour: Neighbour, piece: number, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side || this.#held.has(piece)) return;
    if (this.#kept.has(piece)) this.#resumeKept(now);
    if (this.#taken.has(piece)) return;
    side.idleUntil = now;
    if (!side.waitsForRoom) side.retryAt = Math.min(side.retryAt, now);
    this.#claim(side, now);
  }

  /** We hold it, from wherever it came. The head learns it from our have. */
  held(piece: number, now: number): void {
    if (!this.#held.add(piece)) return;
    this.#where.found(piece);
    if (this.#taken.add(piece)) this.#options.takenChanged();
    this.#kept.remove(piece);
    const side = this.#granted.get(piece);
    if (!side) return;
    const grant = side.grants.get(piece);
    if (grant) this.#pieceMs.add(now - grant.grantedAt);
    side.grants.delete(piece);
    this.#granted.delete(piece);
    for (const other of this.#sides.values()) {
      if (other.waitsForRoom) other.retryAt = Math.min(other.retryAt, now + HAVE_MS);
    }
    this.#claim(side, now);
  }

  /** Payload came from the neighbour. */
  bytesCame(neighbour: Neighbour, now: number): void {
    const side = this.#sides.get(neighbour);
    if (!side || side.grants.size === 0) return;
    const first = side.grants.values().next().value;
    if (now - side.renewedAt < (first?.ttlMs ?? 0) / 3) return;
    side.renewedAt = now;
    for (const grant of side.grants.values()) {
      grant.since = now;
      grant.freshAt = now;
    }
    this.#renew([...side.grants.keys()]);
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
    if (!port || this.#held.has(piece) || !this.#taken.has(piece) || this.#isOurs(piece)) return;
    this.#withheld.missed(piece, now);
    const question = this.#where.ask(piece, this.#nextQ(), now);
    if (question) port.send(question);
  }

  /** A holder that the head named could not be reached, or did not serve. */
  didNotServe(piece: number, endpoint: Endpoint): void {
    this.#where.didNotServe(piece, endpoint);
  }

  /** A holder that the head named does not have it. */
  holderLacks(piece: number, endpoint: Endpoint): void {
    if (this.#where.lacks(piece, endpoint)) this.#options.headStalled("false holders");
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
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    for (const side of [...this.#sides.values()]) {
      this.#checkAnswer(side, now);
      this.#checkGrants(side, now);
      this.#claim(side, now);
    }
    for (const { grant, from } of this.#kept.overdue(now)) {
      this.#kept.remove(grant.piece);
      this.#release(grant.piece, "choked", from);
    }
    this.#resumeKept(now);
    this.#renew(this.#kept.toRenew(now));
    const isOver = (piece: number) =>
      this.#held.has(piece) ||
      !this.#taken.has(piece) ||
      this.#isOurs(piece) ||
      this.#options.internalHas(piece);
    if (this.#withheld.isTooLong(isOver, this.#pieceMs.value, now)) {
      this.#withheld.clear();
      this.#options.headStalled("withheld");
    }
  }

  /** There is another head, or a way to it again: it is told what we have open. */
  headChanged(now: number): void {
    this.#where.headChanged();
    this.#withheld.clear();
    for (const side of this.#sides.values()) {
      this.#void(side);
      side.waitsForRoom = false;
      side.retryAt = now;
      side.idleUntil = now;
    }
    const port = this.#options.port();
    if (!port) return;
    const grants = [...this.#allGrants(), ...[...this.#kept].map(({ grant }) => grant)];
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at === 0 || at < grants.length; at += most) {
      const part = grants.slice(at, at + most);
      port.send({
        m: "open",
        pieces: part.map(({ piece }) => piece),
        ttlsMs: part.map(({ since, ttlMs }) => Math.max(0, Math.round(since + ttlMs - now))),
      });
    }
    for (const side of [...this.#sides.values()]) this.#claim(side, now);
  }

  /** We leave: everything is given back. */
  close(_now: number): void {
    for (const { piece } of this.#allGrants()) {
      const side = this.#granted.get(piece);
      if (side) this.#release(piece, "leaving", this.#options.endpointOf(side.neighbour));
    }
    for (const { grant, from } of this.#kept) this.#release(grant.piece, "leaving", from);
    this.#kept.clear();
    this.#granted.clear();
    this.#sides.clear();
  }

  *#allGrants(): Generator<Grant> {
    for (const side of this.#sides.values()) yield* side.grants.values();
  }

  #isOurs(piece: number): boolean {
    return this.#granted.has(piece) || this.#kept.has(piece);
  }

  #nextQ(): number {
    this.#q = (this.#q + 1) % 0x7fffffff;
    return this.#q;
  }

  #send(body: ClaimMessage): void {
    this.#options.port()?.send(body);
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
    if (this.#taken.delete(piece)) this.#options.takenChanged();
  }

  #claim(side: NeighbourClaims<Neighbour>, now: number): void {
    if (!side.isUnchoked) return;
    this.#measure(side, now);
    if (side.outstanding || now < side.retryAt || now < side.idleUntil) return;
    const port = this.#options.port();
    const n = side.requested + side.granted - side.grants.size;
    if (!port || n <= 0) return;
    const relieves = this.#taken.isFull && (this.#options.mayRelieve?.(side.neighbour) ?? false);
    const isOpen = (piece: number) =>
      (relieves || !this.#taken.has(piece)) && !this.#held.has(piece) && !this.#isOurs(piece);
    const pieces = this.#options
      .candidates(side.neighbour, LIMITS.claims.candidates, isOpen)
      .slice(0, LIMITS.claims.candidates);
    if (pieces.length === 0) {
      side.idleUntil = now + IDLE_MS;
      return;
    }
    const q = this.#nextQ();
    const from = this.#options.endpointOf(side.neighbour);
    side.outstanding = { q, at: now, pieces, from };
    side.waitsForRoom = false;
    port.send({ m: "claim", q, pieces, n, from, up: this.#options.up });
  }

  #measure(side: NeighbourClaims<Neighbour>, now: number): void {
    const { headRttMs, neighbourRttMs, pieceLength, rate } = this.#options;
    const pace = {
      rate: rate(side.neighbour, now),
      pieceLength,
      neighbourRttMs: neighbourRttMs(side.neighbour),
      headRttMs: headRttMs(),
      isStarting: side.isStarting,
    };
    if (pace.rate > 0) side.isStarting = false;
    side.requested = requestedAhead(pace);
    side.granted = grantedAhead(pace);
  }

  #sideOf(q: number): NeighbourClaims<Neighbour> | undefined {
    for (const side of this.#sides.values()) if (side.outstanding?.q === q) return side;
    return undefined;
  }

  #onGrant({ q, pieces, ttlMs }: ClaimMessage & { m: "grant" }, now: number): void {
    const side = this.#sideOf(q);
    const claim = side?.outstanding ?? this.#voided.find((voided) => voided.q === q);
    if (!claim) return;
    if (side) side.outstanding = undefined;
    else this.#voided = this.#voided.filter((voided) => voided !== claim);
    const asked = new Set(claim.pieces);
    const usable: number[] = [];
    for (const piece of new Set(pieces)) {
      if (!asked.has(piece) || this.#held.has(piece) || this.#isOurs(piece)) continue;
      if (side?.isUnchoked) {
        this.#place({ piece, ttlMs, grantedAt: now, freshAt: now, since: now }, side);
        usable.push(piece);
      } else this.#release(piece, "choked", claim.from);
    }
    if (!side) return;
    side.triedAtOnce = false;
    this.#measure(side, now);
    if (usable.length > 0) this.#options.granted(side.neighbour, usable);
    this.#claim(side, now);
  }

  /** Its answer may come yet, and what it grants is to be given back then. */
  #void(side: NeighbourClaims<Neighbour>): void {
    const claim = side.outstanding;
    side.outstanding = undefined;
    if (!claim) return;
    this.#voided.push(claim);
    if (this.#voided.length > VOIDED_MOST) this.#voided.shift();
  }

  #place(grant: Grant, side: NeighbourClaims<Neighbour>): void {
    side.grants.set(grant.piece, grant);
    this.#granted.set(grant.piece, side);
    if (this.#taken.add(grant.piece)) this.#options.takenChanged();
  }

  #onDeny({ q, why, taken, head }: ClaimMessage & { m: "deny" }, now: number): void {
    if (taken) this.#onMap(taken, 0, now);
    const side = this.#sideOf(q);
    if (!side?.outstanding) return;
    const { pieces } = side.outstanding;
    side.outstanding = undefined;
    side.retryAt = now + LIMITS.claims.deniedMs;
    side.waitsForRoom = why === "window";
    if (why === "held" || why === "claimed") {
      // It came with the map, so the next one can be better; once, for a head that sends the wrong one would have us ask without end.
      if (taken && !side.triedAtOnce) side.retryAt = now;
      side.triedAtOnce = taken !== undefined && !side.triedAtOnce;
      for (const piece of pieces) this.#withheld.missed(piece, now);
    }
    this.#options.denied?.(why, head);
    this.#claim(side, now);
  }

  #onTaken(pieces: readonly number[]): void {
    let changed = false;
    for (const piece of pieces) if (this.#taken.add(piece)) changed = true;
    if (changed) this.#options.takenChanged();
  }

  #onMap(bits: Uint8Array, from: number, now: number): void {
    const before = this.#taken.size;
    const isFreed = this.#taken.overwrite(bits, from);
    if (isFreed) for (const side of this.#sides.values()) side.idleUntil = now;
    if (isFreed || this.#taken.size !== before) this.#options.takenChanged();
  }

  #onRevoke(piece: number, now: number): void {
    this.#kept.remove(piece);
    const side = this.#unplace(piece);
    if (!side) return;
    this.#options.lost(side.neighbour, piece);
    this.#claim(side, now);
  }

  #unplace(piece: number): NeighbourClaims<Neighbour> | undefined {
    const side = this.#granted.get(piece);
    side?.grants.delete(piece);
    this.#granted.delete(piece);
    return side;
  }

  #onHolders(body: ClaimMessage & { m: "holders" }, now: number): void {
    if (!this.#where.answered(body) || body.endpoints.length === 0) return;
    this.#withheld.saidHeld(body.piece, now);
    this.#options.connectTo(body.endpoints.slice(0, LIMITS.claims.holdersMost), body.piece);
  }

  #failed(neighbour: Neighbour, piece: number, why: ReleaseReason, now: number): void {
    const side = this.#granted.get(piece);
    if (side?.neighbour !== neighbour) return;
    this.#unplace(piece);
    side.retryAt = Math.max(side.retryAt, now + STALLED_MS);
    this.#release(piece, why, this.#options.endpointOf(neighbour));
    this.#options.lost(neighbour, piece);
  }

  /** The neighbour serves us no more. What we have bytes of goes to another or is kept, the rest is given back. */
  #giveUp(side: NeighbourClaims<Neighbour>, now: number): void {
    const from = this.#options.endpointOf(side.neighbour);
    for (const grant of [...side.grants.values()]) {
      const hasBytes = this.#options.hasBytesOf(grant.piece);
      this.#unplace(grant.piece);
      this.#options.lost(side.neighbour, grant.piece);
      if (!hasBytes) this.#release(grant.piece, "choked", from);
      else if (!this.#resume(grant, now)) this.#kept.keep({ grant, from });
    }
  }

  #resumeKept(now: number): void {
    for (const { grant } of [...this.#kept] as KeptClaim[]) {
      if (this.#resume(grant, now)) this.#kept.remove(grant.piece);
    }
  }

  /** At any neighbour that holds it and serves us; ahead of what is queued there. */
  #resume(grant: Grant, now: number): boolean {
    for (const side of this.#sides.values()) {
      if (!side.isUnchoked || !this.#options.has(side.neighbour, grant.piece)) continue;
      const queued = [...side.grants.values()];
      side.grants.clear();
      this.#place({ ...grant, since: now }, side);
      for (const other of queued) side.grants.set(other.piece, other);
      this.#renew([grant.piece]);
      this.#options.granted(side.neighbour, [grant.piece]);
      return true;
    }
    return false;
  }

  #checkAnswer(side: NeighbourClaims<Neighbour>, now: number): void {
    if (!side.outstanding || now - side.outstanding.at < ANSWER_MS) return;
    this.#void(side);
    side.retryAt = now + LIMITS.claims.deniedMs;
    this.#options.headStalled("unanswered");
  }

  #checkGrants(side: NeighbourClaims<Neighbour>, now: number): void {
    for (const { piece, since, ttlMs } of [...side.grants.values()]) {
      if (now - since >= ttlMs * PATIENCE) this.#failed(side.neighbour, piece, "stalled", now);
    }
  }
}
