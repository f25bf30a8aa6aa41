import {
  type ClaimMessage,
  type DenyReason,
  type Endpoint,
  LIMITS,
  type PeerId,
} from "@cachetorrent/protocol";
import { BookMember } from "./book-member.ts";
import type { ClaimAccounts, ClaimBookOptions } from "./claim-book-options.ts";
import { Holders } from "./holders.ts";
import { Office } from "./office.ts";
import { OpenClaims } from "./open-claims.ts";
import { PieceLedger } from "./piece-ledger.ts";
import type { PieceState } from "./piece-state.ts";
import { SlowMembers } from "./slow-members.ts";
import { Standings } from "./standings.ts";
import { takenMaps } from "./taken-news.ts";

/** Pieces that take less than this: members are told more often what is taken. */
const VERY_QUICK_MS = 200;
/** A map of more bytes goes out with denials at most as often as news does. */
const SMALL_MAP_BYTES = 1024;
/** Claims of one member that wait while `open`s are collected. */
const PARKED_MOST = 64;

type Claim = ClaimMessage & { readonly m: "claim" };
type Entry<Member> = BookMember<Member>;

/**
 * The head's record of who may fetch which piece from outside the AS. Pure: events and the time in, messages out through `tell`.
 * Every member of an AS may keep one; it follows what the members hold, and grants while it is in office. It is an economy, no
 * safety: a double grant costs one crossing.
 */
export class ClaimBook<Member extends object> {
  readonly #options: ClaimBookOptions<Member>;
  readonly #accounts = { asked: 0, granted: 0, denied: 0 };
  readonly #members = new Map<Member, Entry<Member>>();
  readonly #ledger: PieceLedger<Entry<Member>>;
  readonly #office = new Office<Entry<Member>>();
  readonly #claims: OpenClaims<Member>;
  readonly #holders: Holders<Member>;
  readonly #slow = new SlowMembers(() => this.#members.values());
  readonly #standings = new Standings();
  /** Claims that wait while `open`s are collected. */
  #parked: { readonly entry: Entry<Member>; readonly claim: Claim }[] = [];

  constructor(options: ClaimBookOptions<Member>) {
    this.#options = options;
    this.#ledger = new PieceLedger(options.pieceCount, options.now);
    this.#claims = new OpenClaims({
      ledger: this.#ledger,
      office: this.#office,
      now: options.now,
      relief: Math.floor(Math.max(0, (options.relief ?? 1) - 1) * options.pieceCount),
      tell: (member, body) => options.tell(member, body),
    });
    this.#holders = new Holders({
      random: options.random,
      ledger: this.#ledger,
      members: () => this.#members.values(),
      isSlow: (member) => this.#slow.isSlow(member),
      endpointOf: (member) => options.endpointOf(member),
      gained: (piece) => this.#canBeHadInside(piece),
    });
  }

  get accounts(): ClaimAccounts {
    return { ...this.#accounts, expired: this.#claims.expiredCount };
  }

  /** Does it grant, or will it within a second? */
  get isInOffice(): boolean {
    return this.#office.isHeld;
  }

  /** Somebody spoke of a newer term: ask the tracker, and tell by `takeOver` or `stepDown` what it says. */
  get isSuspended(): boolean {
    return this.#office.isSuspended;
  }

  /** What is held or claimed in the AS, as a bitfield. */
  get taken(): Uint8Array {
    return this.#ledger.taken.toBitfield();
  }

  isTaken(piece: number): boolean {
    return this.#ledger.taken.has(piece);
  }

  /** May somebody fetch it from outside now? */
  isClaimed(piece: number): boolean {
    return this.#ledger.claims.get(piece) !== undefined;
  }

  stateOf(piece: number): PieceState<Member> {
    const claim = this.#ledger.claims.get(piece);
    if (this.#ledger.isHeld(piece)) {
      const holders = this.#holders.of(piece).map(({ key }) => key);
      return { is: "held", holders, relief: claim?.owner.key };
    }
    if (!claim) return { is: "free" };
    return { is: "claimed", member: claim.owner.key, from: claim.from, deadline: claim.deadline };
  }

  /** How long a grant is good without a `renew`. */
  get ttlMs(): number {
    return this.#claims.ttlMs;
  }

  /** How many of each kind the book keeps now; members and pieces bound them, and named constants. */
  get load() {
    return {
      members: this.#members.size,
      claims: this.#ledger.claims.size,
      parked: this.#parked.length,
      doubts: this.#holders.doubtCount,
      sources: this.#claims.sourceCount,
    };
  }

  /** A member of the AS is connected; ourselves too. One that claims is told what is taken; a stock client is told nothing. */
  joined(member: Member, { claims }: { readonly claims: boolean }, now: number): void {
    if (this.#members.has(member)) return;
    const standing = this.#standings.recall(this.#options.endpointOf(member));
    const entry = new BookMember(member, !claims, this.#options.pieceCount, standing);
    this.#members.set(member, entry);
    if (this.#office.isGranting) this.#tellMap(entry, now);
  }

  /** Its connection is reset or closed: what it claimed is free at once. */
  left(member: Member, _now: number): void {
    const entry = this.#members.get(member);
    if (!entry) return;
    this.#members.delete(member);
    this.#standings.remember(this.#options.endpointOf(member), entry.standing);
    this.#parked = this.#parked.filter((parked) => parked.entry !== entry);
    this.#slow.changed();
    this.#office.left(entry);
    for (const piece of [...entry.claims.keys()]) this.#claims.close(piece);
    this.#holders.left(entry);
  }

  /** The member said that it holds these. */
  held(member: Member, pieces: Iterable<number>, now: number): void {
    const entry = this.#members.get(member);
    if (!entry) return;
    for (const piece of pieces) {
      if (!entry.said.add(piece)) continue;
      entry.refusals.forget(piece);
      const claim = this.#ledger.claims.get(piece);
      if (claim?.owner !== entry) this.#holders.spread(piece, entry, now);
      // Counted as held before the claim is closed, else the piece would be free in between, and that be news.
      if (entry.holds(piece)) this.#ledger.gained(piece);
      if (claim?.owner === entry) this.#claims.delivered(claim, now);
      if (entry.holds(piece)) this.#canBeHadInside(piece);
    }
  }

  /** A message of a member, with the term it came with. Whatever it says, it is answered or ignored. */
  received(member: Member, body: ClaimMessage, term: number, now: number): void {
    const entry = this.#members.get(member);
    if (!entry || entry.isStock) return;
    this.#office.hears(term, entry, now);
    switch (body.m) {
      case "claim":
        this.#claimed(entry, body, now);
        break;
      case "renew":
        for (const piece of body.pieces.slice(0, LIMITS.claims.piecesPerMessage)) {
          this.#claims.renewed(entry, piece, now);
        }
        break;
      case "release":
        this.#claims.released(entry, body, now);
        break;
      case "open":
        this.#claims.opened(entry, body, term, now);
        this.#endCollecting(now);
        break;
      case "where":
        this.#options.tell(member, this.#holders.answer(entry, body, now));
        break;
      default:
        break;
    }
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    this.#office.sweep(now);
    this.#endCollecting(now);
    this.#claims.expire(now);
    for (const liar of this.#office.isHeld ? this.#holders.dropDoubted(now) : []) {
      for (const claim of [...liar.claims.values()]) this.#claims.revoke(claim);
    }
    if (!this.#office.isGranting) return;
    const isVeryQuick = this.#claims.pieceMs < VERY_QUICK_MS;
    const periodMs = isVeryQuick ? LIMITS.claims.quickTakenMs : LIMITS.claims.takenMs;
    for (const body of this.#ledger.news.due(now, periodMs)) {
      for (const entry of [...this.#members.values()]) {
        if (!entry.isStock && !entry.said.isFull) this.#options.tell(entry.key, body);
      }
    }
  }

  /**
   * The tracker says that we are head in this term. Grants once every member that claims has sent its `open`, at most a second
   * later. Said again of an office that we hold it confirms that, under whatever term.
   */
  takeOver(term: number, now: number): void {
    if (this.#office.takeOver(term, now)) this.#newTerm();
    this.#endCollecting(now);
  }

  /** Somebody else is head now, or nobody that we know. Claims stay known until they run out; `openClaims` has them. */
  stepDown(head: PeerId | undefined, term: number, now: number): void {
    if (head !== undefined) this.#claims.endRelief();
    if (this.#office.stepDown(head, term)) this.#newTerm();
    for (const { entry, claim } of this.#unpark()) this.#deny(entry, claim, "not head", now);
  }

  /** The claims that we granted, for the new head: messages `open`, to be sent after the one of our own client. */
  openClaims(now: number): ClaimMessage[] {
    return this.#claims.messages(now);
  }

  #newTerm(): void {
    this.#standings.forgive();
    this.#holders.forgive();
  }

  #endCollecting(now: number): void {
    const isSomebodyMissing = () =>
      [...this.#members.values()].some(
        ({ isStock, openedTerm, said }) => !isStock && !said.isFull && openedTerm < this.#office.term,
      );
    if (!this.#office.settles(isSomebodyMissing, now)) return;
    for (const entry of [...this.#members.values()]) this.#tellMap(entry, now);
    for (const { entry, claim } of this.#unpark()) this.#decide(entry, claim, now);
  }

  #unpark(): { readonly entry: Entry<Member>; readonly claim: Claim }[] {
    const parked = this.#parked;
    this.#parked = [];
    return parked;
  }

  #claimed(entry: Entry<Member>, claim: Claim, now: number): void {
    this.#accounts.asked++;
    if (entry.declares(claim.up)) this.#slow.changed();
    if (this.#office.isGranting) this.#decide(entry, claim, now);
    else if (!this.#office.isCollecting) this.#deny(entry, claim, "not head", now);
    else if (this.#parked.filter((parked) => parked.entry === entry).length >= PARKED_MOST) {
      this.#deny(entry, claim, "window", now);
    } else this.#parked.push({ entry, claim });
  }

  /** Grants the best of its candidates that are free, as far as its window allows; or says why none. */
  #decide(entry: Entry<Member>, claim: Claim, now: number): void {
    const room = Math.min(entry.window.size - entry.claims.size, claim.n, LIMITS.claims.candidates);
    const isAvoided = this.#claims.isAvoided(claim.from, entry, now);
    const isBarred = entry.isLiar || entry.window.isPaused(now) || isAvoided;
    const granted: number[] = [];
    let why: DenyReason = isBarred || !(room >= 1) ? "window" : "held";
    for (const piece of why === "window" ? [] : claim.pieces.slice(0, LIMITS.claims.candidates)) {
      if (granted.length + 1 > room) break;
      const refusal = this.#refusal(entry, piece, claim.from, now);
      if (refusal === undefined) {
        this.#claims.grant(entry, piece, claim.from, now);
        granted.push(piece);
      } else if (why === "held" || refusal === "slow") why = refusal;
    }
    if (granted.length === 0) this.#deny(entry, claim, why, now);
    else {
      this.#accounts.granted += granted.length;
      this.#options.tell(entry.key, { m: "grant", q: claim.q, pieces: granted, ttlMs: this.ttlMs });
    }
  }

  /** Why the member may not fetch this piece; undefined when it may. */
  #refusal(entry: Entry<Member>, piece: number, from: Endpoint, now: number): DenyReason | undefined {
    if (!this.#ledger.taken.isPiece(piece) || entry.said.has(piece)) return "held";
    if (this.#ledger.claims.get(piece)) return "claimed";
    if (this.#ledger.isHeld(piece)) return this.#mayRelieve(from) ? undefined : "held";
    if (this.#slow.isSlow(entry) && entry.refusals.refuses(piece, now)) return "slow";
    return undefined;
  }

  #mayRelieve(from: Endpoint): boolean {
    return this.#ledger.isWhole && this.#claims.isReliefLeft && (this.#options.mayRelieve?.(from) ?? false);
  }

  /** With the map, where the member's own one was wrong. */
  #deny(entry: Entry<Member>, claim: Claim, why: DenyReason, now: number): void {
    this.#accounts.denied++;
    const { head } = this.#office;
    const isMapWrong = why === "held" || why === "claimed";
    const bytes = Math.ceil(this.#options.pieceCount / 8);
    const isDue = bytes <= SMALL_MAP_BYTES || now - entry.mapToldAt >= LIMITS.claims.takenMs;
    const isTold = isMapWrong && isDue && bytes <= LIMITS.claims.bitsPerMessage;
    if (isTold) entry.mapToldAt = now;
    this.#options.tell(entry.key, {
      m: "deny",
      q: claim.q,
      why,
      ...(isTold ? { taken: this.taken } : {}),
      ...(why === "not head" && head !== undefined ? { head } : {}),
    });
  }

  #canBeHadInside(piece: number): void {
    this.#holders.settle(piece);
    this.#claims.gained(piece);
  }

  #tellMap(entry: Entry<Member>, now: number): void {
    if (entry.isStock) return;
    entry.mapToldAt = now;
    for (const body of takenMaps(this.#ledger.taken)) this.#options.tell(entry.key, body);
  }
}
