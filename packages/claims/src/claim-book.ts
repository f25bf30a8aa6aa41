import { type Random, sample } from "@cachetorrent/clock";
import {
  type ClaimMessage,
  type DenyReason,
  type Endpoint,
  LIMITS,
  type PeerId,
  sameEndpoint,
} from "@cachetorrent/protocol";
import { AvoidedSources } from "./avoided-sources.ts";
import { BookMember } from "./book-member.ts";
import { ClaimTable, type OpenClaim } from "./claim-table.ts";
import { Doubts } from "./doubts.ts";
import { PieceMap } from "./piece-map.ts";
import { median, RecentMedian } from "./recent-median.ts";
import { TakenNews, takenMaps } from "./taken-news.ts";

/** Pieces that take less than this, grant to have, are quick: their claims run out sooner. */
const QUICK_MS = 1000;
/** Pieces that take less than this: members are told more often what is taken. */
const VERY_QUICK_MS = 200;
/** Claims of one member that wait while `open`s are collected. */
const PARKED_MOST = 64;
/** A claim is not renewed beyond this age: else one that only says that bytes flow holds a piece for ever. */
const CLAIM_AGE_MOST_MS = 600_000;
/** A newer term that nobody confirmed in this time was made up. */
const SUSPENDED_MS = 10_000;

export interface ClaimBookOptions<Member extends object> {
  readonly pieceCount: number;
  /** Sends it to the member. For the head's own member this is `LocalHeadPort.tell`; it must not call the book. */
  tell(member: Member, body: ClaimMessage): void;
  /** Where the member listens: what others are told of a holder. */
  endpointOf(member: Member): Endpoint | undefined;
  readonly random: Random;
  readonly now: number;
  /** R of the policy: how many copies the AS may take in all, once it misses nothing; at least 1, the default. */
  readonly relief?: number;
  /** Is it finished, outside, and no initial seed, so that an extra copy may come from there? By default nobody is. */
  mayRelieve?(from: Endpoint): boolean;
}

/** Counts of claims asked and denied, of pieces granted and of grants that ran out. */
export interface ClaimAccounts {
  asked: number;
  granted: number;
  denied: number;
  expired: number;
}

export type PieceState<Member> =
  | { readonly is: "free" }
  | {
      readonly is: "claimed";
      readonly member: Member;
      readonly from: Endpoint | undefined;
      readonly deadline: number;
    }
  /** `relief`: who fetches an extra copy now. */
  | { readonly is: "held"; readonly holders: readonly Member[]; readonly relief: Member | undefined };

type Office = "none" | "collecting" | "granting";

type Claim = ClaimMessage & { readonly m: "claim" };
type Entry<Member> = BookMember<Member>;

/**
 * The head's record of who may fetch which piece from outside the AS. Pure: events and the time in, messages out through `tell`.
 * Every member of an AS may keep one; it follows what the members hold, and grants while it is in office. It is an economy, no
 * safety: a double grant costs one crossing.
 */
export class ClaimBook<Member extends object> {
  readonly accounts: ClaimAccounts = { asked: 0, granted: 0, denied: 0, expired: 0 };
  readonly #options: ClaimBookOptions<Member>;
  readonly #members = new Map<Member, Entry<Member>>();
  readonly #claims = new ClaimTable<Entry<Member>>();
  /** By piece: how many members hold it. */
  readonly #copies: Uint32Array;
  #held = 0;
  /** Held or claimed. */
  readonly #taken: PieceMap;
  readonly #news: TakenNews;
  readonly #sources = new AvoidedSources<Entry<Member>>();
  readonly #doubts = new Doubts<Entry<Member>>();
  readonly #pieceMs = new RecentMedian();
  /** Half of the median upload that members declared; undefined: to be worked out. */
  #slowBelow: number | undefined;
  #reliefLeft: number;
  #office: Office = "none";
  #term = Number.NEGATIVE_INFINITY;
  #head: PeerId | undefined;
  #collectUntil = 0;
  #parked: { readonly entry: Entry<Member>; readonly claim: Claim }[] = [];
  /** Somebody spoke of a newer term. */
  #suspended: { readonly by: Entry<Member>; readonly until: number } | undefined;

  constructor(options: ClaimBookOptions<Member>) {
    this.#options = options;
    this.#copies = new Uint32Array(options.pieceCount);
    this.#taken = new PieceMap(options.pieceCount);
    this.#news = new TakenNews(this.#taken, options.now);
    this.#reliefLeft = Math.floor(Math.max(0, (options.relief ?? 1) - 1) * options.pieceCount);
  }

  /** Does it grant, or will it within a second? */
  get isInOffice(): boolean {
    return this.#office !== "none";
  }

  /** Somebody spoke of a newer term: ask the tracker, and tell by `takeOver` or `stepDown` what it says. */
  get isSuspended(): boolean {
    return this.#suspended !== undefined;
  }

  /** What is held or claimed in the AS, as a bitfield. */
  get taken(): Uint8Array {
    return this.#taken.toBitfield();
  }

  isTaken(piece: number): boolean {
    return this.#taken.has(piece);
  }

  /** May somebody fetch it from outside now? */
  isClaimed(piece: number): boolean {
    return this.#claims.get(piece) !== undefined;
  }

  /** How much the book keeps: what its tests bound. */
  get load(): {
    readonly members: number;
    readonly claims: number;
    readonly parked: number;
    readonly doubts: number;
    readonly sources: number;
  } {
    return {
      members: this.#members.size,
      claims: this.#claims.size,
      parked: this.#parked.length,
      doubts: this.#doubts.size,
      sources: this.#sources.size,
    };
  }

  stateOf(piece: number): PieceState<Member> {
    const claim = this.#claims.get(piece);
    if ((this.#copies[piece] ?? 0) > 0) {
      const holders = this.#holdersOf(piece).map(({ key }) => key);
      return { is: "held", holders, relief: claim?.owner.key };
    }
    if (!claim) return { is: "free" };
    return { is: "claimed", member: claim.owner.key, from: claim.from, deadline: claim.deadline };
  }

  /** How long a grant is good without a `renew`. */
  get ttlMs(): number {
    const isQuick = (this.#pieceMs.value ?? Infinity) < QUICK_MS;
    return isQuick ? LIMITS.claims.quickTtlMs : LIMITS.claims.ttlMs;
  }

  /** A member of the AS is connected; ourselves too. One that claims is told what is taken. */
  joined(member: Member, { claims }: { readonly claims: boolean }, _now: number): void {
    if (this.#members.has(member)) return;
    const entry = new BookMember(member, !claims, this.#options.pieceCount);
    this.#members.set(member, entry);
    if (this.#office === "granting") this.#tellMap(entry);
  }

  /** Its connection is reset or closed: what it claimed is free at once. */
  left(member: Member, _now: number): void {
    const entry = this.#members.get(member);
    if (!entry) return;
    this.#members.delete(member);
    this.#slowBelow = undefined;
    this.#parked = this.#parked.filter((parked) => parked.entry !== entry);
    if (this.#suspended?.by === entry) this.#suspended = undefined;
    this.#doubts.left(entry);
    for (const piece of [...entry.claims.keys()]) this.#close(piece);
    for (const piece of entry.said) if (entry.holds(piece)) this.#lostCopy(piece);
  }

  /** The member said that it holds these. */
  held(member: Member, pieces: Iterable<number>, now: number): void {
    const entry = this.#members.get(member);
    if (!entry) return;
    for (const piece of pieces) if (entry.said.add(piece)) this.#nowHolds(entry, piece, now);
  }

  /** A message of a member; `term` is the one it came with. Whatever it says, it is answered or ignored. */
  received(member: Member, body: ClaimMessage, term: number, now: number): void {
    const entry = this.#members.get(member);
    if (!entry || entry.isStock) return;
    if (this.isInOffice && term > this.#term && !entry.isTermIgnored) {
      this.#suspended ??= { by: entry, until: now + SUSPENDED_MS };
    }
    switch (body.m) {
      case "claim":
        this.#claimed(entry, body, now);
        break;
      case "renew":
        for (const piece of body.pieces.slice(0, LIMITS.claims.piecesPerMessage)) {
          this.#renewed(entry, piece, now);
        }
        break;
      case "release":
        this.#released(entry, body, now);
        break;
      case "open":
        this.#opened(entry, body, term, now);
        break;
      case "where":
        this.#asked(entry, body, now);
        break;
      default:
        break;
    }
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    if (this.#suspended && now >= this.#suspended.until) {
      this.#suspended.by.isTermIgnored = true;
      this.#suspended = undefined;
    }
    this.#endCollecting(now);
    this.#expire(now);
    if (this.isInOffice) this.#dropDoubted(now);
    if (this.#office !== "granting" || this.isSuspended) return;
    const isVeryQuick = (this.#pieceMs.value ?? Infinity) < VERY_QUICK_MS;
    const period = isVeryQuick ? LIMITS.claims.quickTakenMs : LIMITS.claims.takenMs;
    for (const body of this.#news.due(now, period)) {
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
    const liar = this.#suspended?.by;
    this.#suspended = undefined;
    if (term > this.#term) this.#newTerm(term, now);
    else if (liar) liar.isTermIgnored = true;
    if (this.isInOffice) return;
    this.#office = "collecting";
    this.#collectUntil = now + LIMITS.claims.takeOverMs;
    this.#endCollecting(now);
  }

  /** Somebody else is head now, or nobody that we know. Claims stay known until they run out; `openClaims` has them. */
  stepDown(head: PeerId | undefined, term: number, now: number): void {
    this.#head = head;
    this.#suspended = undefined;
    this.#office = "none";
    if (term > this.#term) this.#newTerm(term, now);
    const parked = this.#parked;
    this.#parked = [];
    for (const { entry, claim } of parked) this.#deny(entry, claim, "not head");
  }

  /** The claims that we granted, for the new head: messages `open`, to be sent after the one of our own client. */
  openClaims(now: number): ClaimMessage[] {
    const claims = [...this.#claims].filter(({ isRelief, deadline }) => !isRelief && deadline > now);
    const bodies: ClaimMessage[] = [];
    for (let at = 0; at < claims.length; at += LIMITS.claims.piecesPerMessage) {
      const part = claims.slice(at, at + LIMITS.claims.piecesPerMessage);
      bodies.push({
        m: "open",
        pieces: part.map(({ piece }) => piece),
        ttlsMs: part.map(({ deadline }) => Math.round(deadline - now)),
      });
    }
    return bodies;
  }

  #newTerm(term: number, now: number): void {
    this.#term = term;
    for (const entry of this.#members.values()) {
      const held = new Set([...entry.said].filter((piece) => entry.holds(piece)));
      entry.forgive();
      for (const piece of entry.said) if (!held.has(piece)) this.#gainedCopy(entry, piece, now);
    }
  }

  #endCollecting(now: number): void {
    if (this.#office !== "collecting") return;
    const waitsFor = [...this.#members.values()].some(
      (entry) => !entry.isStock && entry.openedTerm < this.#term,
    );
    if (waitsFor && now < this.#collectUntil) return;
    this.#office = "granting";
    for (const entry of [...this.#members.values()]) this.#tellMap(entry);
    const parked = this.#parked;
    this.#parked = [];
    for (const { entry, claim } of parked) this.#decide(entry, claim, now);
  }

  #claimed(entry: Entry<Member>, claim: Claim, now: number): void {
    this.accounts.asked++;
    if (Number.isFinite(claim.up) && claim.up >= 0 && entry.up !== claim.up) {
      entry.up = claim.up;
      this.#slowBelow = undefined;
    }
    if (this.#office === "none" || this.isSuspended) this.#deny(entry, claim, "not head");
    else if (this.#office === "collecting") this.#park(entry, claim);
    else this.#decide(entry, claim, now);
  }

  #decide(entry: Entry<Member>, claim: Claim, now: number): void {
    const room = Math.min(entry.window.size - entry.claims.size, claim.n, LIMITS.claims.candidates);
    const isBarred =
      entry.isLiar || entry.window.isPaused(now) || this.#sources.isAvoided(claim.from, entry, now);
    if (isBarred || !(room >= 1)) {
      this.#deny(entry, claim, "window");
      return;
    }
    const granted: number[] = [];
    let why: DenyReason = "held";
    for (const piece of claim.pieces.slice(0, LIMITS.claims.candidates)) {
      if (granted.length + 1 > room) break;
      const refusal = this.#refusal(entry, piece, claim.from, now);
      if (refusal === undefined) {
        this.#grant(entry, piece, claim.from, now);
        granted.push(piece);
      } else if (why === "held" || refusal === "slow") why = refusal;
    }
    if (granted.length === 0) {
      this.#deny(entry, claim, why);
      return;
    }
    this.accounts.granted += granted.length;
    this.#options.tell(entry.key, { m: "grant", q: claim.q, pieces: granted, ttlMs: this.ttlMs });
  }

  #park(entry: Entry<Member>, claim: Claim): void {
    const waiting = this.#parked.reduce((count, parked) => count + (parked.entry === entry ? 1 : 0), 0);
    if (waiting >= PARKED_MOST) this.#deny(entry, claim, "window");
    else this.#parked.push({ entry, claim });
  }

  /** Why the member may not fetch this piece; undefined when it may. */
  #refusal(entry: Entry<Member>, piece: number, from: Endpoint, now: number): DenyReason | undefined {
    if (!this.#taken.isPiece(piece) || entry.said.has(piece)) return "held";
    if (this.#claims.get(piece)) return "claimed";
    if ((this.#copies[piece] ?? 0) > 0) return this.#mayRelieve(from) ? undefined : "held";
    if (this.#isSlow(entry) && entry.refusals.refuses(piece, now)) return "slow";
    return undefined;
  }

  #mayRelieve(from: Endpoint): boolean {
    const missesNothing = this.#held === this.#options.pieceCount;
    return missesNothing && this.#reliefLeft > 0 && (this.#options.mayRelieve?.(from) ?? false);
  }

  #grant(entry: Entry<Member>, piece: number, from: Endpoint, now: number): void {
    const isRelief = (this.#copies[piece] ?? 0) > 0;
    if (isRelief) this.#reliefLeft--;
    const deadline = now + this.ttlMs;
    this.#open({ piece, owner: entry, from, since: now, deadline, isRelief, isReported: false });
    entry.refusals.forget(piece);
  }

  #deny(entry: Entry<Member>, claim: Claim, why: DenyReason): void {
    this.accounts.denied++;
    const isStale = why === "held" || why === "claimed";
    const bits = isStale ? this.#taken.toBitfield() : undefined;
    this.#options.tell(entry.key, {
      m: "deny",
      q: claim.q,
      why,
      ...(bits && bits.length <= LIMITS.claims.bitsPerMessage ? { taken: bits } : {}),
      ...(why === "not head" && this.#head !== undefined ? { head: this.#head } : {}),
    });
  }

  /** Bytes flow. What the book does not know, or knows otherwise, is put in order: adopted, or stopped. */
  #renewed(entry: Entry<Member>, piece: number, now: number): void {
    const claim = this.#claims.get(piece);
    if (claim?.owner === entry) {
      claim.deadline = Math.min(now + this.ttlMs, claim.since + CLAIM_AGE_MOST_MS);
      claim.isReported = false;
      return;
    }
    if (!this.#taken.isPiece(piece) || entry.said.has(piece)) return;
    const mayHave =
      (this.#copies[piece] ?? 0) === 0 &&
      (claim === undefined || claim.isReported) &&
      !entry.isLiar &&
      !entry.window.isPaused(now) &&
      entry.claims.size < entry.window.size;
    if (mayHave) this.#adopt(entry, piece, this.ttlMs, this.#office !== "granting", now);
    else if (this.#office === "granting") this.#options.tell(entry.key, { m: "revoke", piece });
  }

  #released(entry: Entry<Member>, body: ClaimMessage & { m: "release" }, now: number): void {
    if (this.#claims.get(body.piece)?.owner !== entry) return;
    const { from = body.from } = this.#close(body.piece) ?? {};
    if (body.why === "stalled" || body.why === "bad data") this.#sources.failed(from, entry, now);
  }

  /**
   * The claims that a member has of another head. What it says first in a term is of its own; what follows is what a head passes
   * on of others, whose own word counts more.
   */
  #opened(entry: Entry<Member>, body: ClaimMessage & { m: "open" }, term: number, now: number): void {
    const isHearsay = entry.openedTerm === term;
    entry.openedTerm = Math.max(entry.openedTerm, term);
    const { pieces, ttlsMs } = body;
    for (let i = 0; i < Math.min(pieces.length, LIMITS.claims.piecesPerMessage); i++) {
      const piece = pieces[i] ?? -1;
      const ttl = Math.min(this.ttlMs, Math.max(0, ttlsMs[i] || 0));
      const claim = this.#claims.get(piece);
      if (!this.#taken.isPiece(piece) || entry.said.has(piece) || claim?.owner === entry) continue;
      const isElsewhere = (claim && !claim.isReported) || (this.#copies[piece] ?? 0) > 0;
      if (isHearsay && (claim || isElsewhere)) continue;
      if (isElsewhere && this.isInOffice) this.#options.tell(entry.key, { m: "revoke", piece });
      else if (!isElsewhere && entry.claims.size < LIMITS.claims.windowMost)
        this.#adopt(entry, piece, ttl, true, now);
    }
    this.#endCollecting(now);
  }

  #adopt(entry: Entry<Member>, piece: number, ttl: number, isReported: boolean, now: number): void {
    const deadline = now + ttl;
    this.#open({
      piece,
      owner: entry,
      from: undefined,
      since: now,
      deadline,
      isRelief: false,
      isReported,
    });
  }

  /** Who holds it. A member that names all of them as not serving doubts them. */
  #asked(entry: Entry<Member>, body: ClaimMessage & { m: "where" }, now: number): void {
    const { q, piece } = body;
    const not = body.not.slice(0, LIMITS.claims.endpointsExcepted);
    const holders = this.#holdersOf(piece).filter((holder) => holder !== entry);
    const endpoints = holders
      .map(({ key }) => this.#options.endpointOf(key))
      .filter((endpoint) => endpoint !== undefined)
      .filter((endpoint) => !not.some((other) => sameEndpoint(other, endpoint)));
    const named = sample(endpoints, LIMITS.claims.holdersMost, this.#options.random);
    this.#options.tell(entry.key, { m: "holders", q, piece, endpoints: named });
    const isDoubt = holders.length > 0 && named.length === 0 && !entry.said.has(piece) && !entry.isLiar;
    if (isDoubt) this.#doubts.add(piece, entry, now);
  }

  #nowHolds(entry: Entry<Member>, piece: number, now: number): void {
    const claim = this.#claims.get(piece);
    if (claim?.owner === entry) {
      this.#claims.close(piece);
      if (!claim.isReported) this.#pieceMs.add(now - claim.since);
      entry.window.delivered();
      if (claim.from) this.#sources.served(claim.from);
    }
    entry.refusals.forget(piece);
    this.#gainedCopy(entry, piece, now);
    this.#settleTaken(piece);
  }

  #gainedCopy(entry: Entry<Member>, piece: number, _now: number): void {
    if (!entry.holds(piece)) return;
    this.#copies[piece] = (this.#copies[piece] ?? 0) + 1;
    if (this.#copies[piece] === 1) this.#held++;
    this.#doubts.settle(piece);
    const claim = this.#claims.get(piece);
    if (claim && !claim.isRelief) {
      // It came by another way, so it can be had inside.
      this.#claims.close(piece);
      if (this.isInOffice) this.#options.tell(claim.owner.key, { m: "revoke", piece });
    }
    this.#settleTaken(piece);
  }

  #lostCopy(piece: number): void {
    this.#copies[piece] = (this.#copies[piece] ?? 1) - 1;
    if (this.#copies[piece] === 0) this.#held--;
    this.#settleTaken(piece);
  }

  #open(claim: OpenClaim<Entry<Member>>): void {
    this.#claims.open(claim);
    this.#settleTaken(claim.piece);
  }

  #close(piece: number): OpenClaim<Entry<Member>> | undefined {
    const claim = this.#claims.close(piece);
    if (claim?.isRelief) this.#reliefLeft++;
    this.#settleTaken(piece);
    return claim;
  }

  #settleTaken(piece: number): void {
    const isTaken = (this.#copies[piece] ?? 0) > 0 || this.#claims.get(piece) !== undefined;
    if (isTaken ? this.#taken.add(piece) : this.#taken.delete(piece)) {
      if (isTaken) this.#news.taken(piece);
      else this.#news.wholeIsNews();
    }
  }

  #expire(now: number): void {
    for (const claim of this.#claims.due(now)) {
      this.#close(claim.piece);
      if (claim.isReported || !this.isInOffice) continue;
      this.accounts.expired++;
      claim.owner.window.expired(now);
      if (claim.from) this.#sources.failed(claim.from, claim.owner, now);
      this.#options.tell(claim.owner.key, { m: "revoke", piece: claim.piece });
    }
  }

  #dropDoubted(now: number): void {
    for (const piece of this.#doubts.ripe((doubted) => this.#doubtersNeeded(doubted), now)) {
      this.#doubts.settle(piece);
      for (const holder of this.#holdersOf(piece)) this.#drop(holder, piece);
    }
  }

  #drop(holder: Entry<Member>, piece: number): void {
    const held = [...holder.said].filter((other) => holder.holds(other));
    holder.drop(piece);
    for (const other of held) if (!holder.holds(other)) this.#lostCopy(other);
    if (holder.isLiar) for (const claimed of [...holder.claims.keys()]) this.#revoke(holder, claimed);
  }

  #revoke(entry: Entry<Member>, piece: number): void {
    this.#close(piece);
    this.#options.tell(entry.key, { m: "revoke", piece });
  }

  /** Two; one where nobody else is there who could miss it. */
  #doubtersNeeded(piece: number): number {
    let others = 0;
    for (const entry of this.#members.values()) if (!entry.isStock && !entry.holds(piece)) others++;
    return others >= 2 ? 2 : 1;
  }

  #holdersOf(piece: number): Entry<Member>[] {
    return [...this.#members.values()].filter((entry) => entry.holds(piece));
  }

  #isSlow(entry: Entry<Member>): boolean {
    if (this.#slowBelow === undefined) {
      const ups = [...this.#members.values()].map(({ up }) => up).filter((up) => up !== undefined);
      this.#slowBelow = (median(ups) ?? 0) / 2;
    }
    return (entry.up ?? Infinity) < this.#slowBelow;
  }

  #tellMap(entry: Entry<Member>): void {
    if (entry.isStock) return;
    for (const body of takenMaps(this.#taken)) this.#options.tell(entry.key, body);
  }
}
