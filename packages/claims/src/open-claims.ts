import { type ClaimMessage, type Endpoint, LIMITS } from "@cachetorrent/protocol";
import { AvoidedSources } from "./avoided-sources.ts";
import type { BookMember } from "./book-member.ts";
import type { OpenClaim } from "./claim-table.ts";
import type { Office } from "./office.ts";
import type { PieceLedger } from "./piece-ledger.ts";
import { RecentMedian } from "./recent-median.ts";

export interface OpenClaimsParts<Member> {
  readonly ledger: PieceLedger<BookMember<Member>>;
  readonly office: Office<BookMember<Member>>;
  readonly now: number;
  /** How many extra copies of pieces may be granted. */
  readonly relief: number;
  tell(member: Member, body: ClaimMessage): void;
}

/** Pieces that take less than this, grant to have, are quick: their claims run out sooner. */
const QUICK_MS = 1000;
/** Nothing came from outside for so long: a source that failed is better than none. */
const STARVED_MS = 15_000;
/** A claim is not renewed beyond this age: else one that only says that bytes flow holds a piece for ever. */
const CLAIM_AGE_MOST_MS = 600_000;

/**
 * The claims that are open, from the grant, here or by another head, to their end: the piece came, from outside or inside, its
 * owner let go of it, or its time ran out. And what is learned of sources by how they end.
 */
export class OpenClaims<Member> {
  readonly #parts: OpenClaimsParts<Member>;
  readonly #sources = new AvoidedSources<BookMember<Member>>();
  readonly #pieceMs = new RecentMedian();
  /** When a piece came from outside last. */
  #deliveredAt: number;
  /** Extra copies that may still be granted: by the first head of the AS alone, for nobody is told what another one has granted. */
  #reliefLeft: number;
  #expiredCount = 0;

  constructor(parts: OpenClaimsParts<Member>) {
    this.#parts = parts;
    this.#deliveredAt = parts.now;
    this.#reliefLeft = parts.relief;
  }

  /** Grants that ran out. */
  get expiredCount(): number {
    return this.#expiredCount;
  }

  /** How many external peers are kept for a failure. */
  get sourceCount(): number {
    return this.#sources.size;
  }

  /** How long pieces take of late, grant to have; infinite as long as none has come. */
  get pieceMs(): number {
    return this.#pieceMs.value ?? Infinity;
  }

  /** How long a grant is good without a `renew`. */
  get ttlMs(): number {
    return this.pieceMs < QUICK_MS ? LIMITS.claims.quickTtlMs : LIMITS.claims.ttlMs;
  }

  get isReliefLeft(): boolean {
    return this.#reliefLeft > 0;
  }

  endRelief(): void {
    this.#reliefLeft = 0;
  }

  /** Is the member to fetch nothing from there for a while? */
  isAvoided(from: Endpoint, member: BookMember<Member>, now: number): boolean {
    const isStarved = now - this.#deliveredAt >= STARVED_MS;
    return !isStarved && this.#sources.isAvoided(from, member, now);
  }

  grant(owner: BookMember<Member>, piece: number, from: Endpoint, now: number): void {
    const { ledger } = this.#parts;
    const isRelief = ledger.isHeld(piece);
    if (isRelief) this.#reliefLeft--;
    owner.refusals.forget(piece);
    ledger.open({ piece, owner, from, since: now, deadline: now + this.ttlMs, isRelief, isReported: false });
  }

  /** Bytes flow. What the book does not know, or knows otherwise, is put in order: adopted, or stopped. */
  renewed(entry: BookMember<Member>, piece: number, now: number): void {
    const { ledger, office } = this.#parts;
    const claim = ledger.claims.get(piece);
    if (claim?.owner === entry) {
      claim.deadline = Math.min(now + this.ttlMs, claim.since + CLAIM_AGE_MOST_MS);
      claim.isReported = false;
      return;
    }
    if (!ledger.taken.isPiece(piece) || entry.said.has(piece)) return;
    const { isGranting } = office;
    const isFree = !ledger.isHeld(piece) && (claim === undefined || claim.isReported);
    if (isFree && entry.mayHaveMore(now)) this.#adopt(entry, piece, this.ttlMs, !isGranting, now);
    else if (isGranting) this.#parts.tell(entry.key, { m: "revoke", piece });
  }

  released(entry: BookMember<Member>, body: ClaimMessage & { m: "release" }, now: number): void {
    if (this.#parts.ledger.claims.get(body.piece)?.owner !== entry) return;
    const { from = body.from } = this.close(body.piece) ?? {};
    if (body.why === "stalled" || body.why === "bad data") this.#sources.failed(from, entry, now);
  }

  /**
   * The claims that a member has of another head. What it says first in a term is of its own; what follows is what a head passes
   * on of others, whose own word counts more.
   */
  opened(entry: BookMember<Member>, body: ClaimMessage & { m: "open" }, term: number, now: number): void {
    const { ledger, office } = this.#parts;
    const isHearsay = entry.openedTerm === term;
    entry.openedTerm = Math.max(entry.openedTerm, term);
    const { pieces, ttlsMs } = body;
    for (let i = 0; i < Math.min(pieces.length, LIMITS.claims.piecesPerMessage); i++) {
      const piece = pieces[i] ?? -1;
      const ttl = Math.min(this.ttlMs, Math.max(0, ttlsMs[i] || 0));
      const claim = ledger.claims.get(piece);
      if (!ledger.taken.isPiece(piece) || entry.said.has(piece) || claim?.owner === entry) continue;
      const isElsewhere = ledger.isHeld(piece) || claim?.isReported === false;
      if (isHearsay && (isElsewhere || claim)) continue;
      if (!isElsewhere) {
        if (entry.claims.size < LIMITS.claims.windowMost) this.#adopt(entry, piece, ttl, true, now);
      } else if (office.isHeld) this.#parts.tell(entry.key, { m: "revoke", piece });
    }
  }

  /** What was granted and goes on, as messages `open`. */
  messages(now: number): ClaimMessage[] {
    const granted = [...this.#parts.ledger.claims];
    const claims = granted.filter(({ isRelief, deadline }) => !isRelief && deadline > now);
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

  /** Its owner has the piece. */
  delivered(claim: OpenClaim<BookMember<Member>>, now: number): void {
    this.#parts.ledger.close(claim.piece);
    if (!claim.isReported) this.#pieceMs.add(now - claim.since);
    claim.owner.window.delivered();
    this.#deliveredAt = now;
    if (claim.from) this.#sources.served(claim.from);
  }

  /** It can be had inside: who fetches it from outside meanwhile is stopped. */
  gained(piece: number): void {
    const claim = this.#parts.ledger.claims.get(piece);
    if (claim && !claim.isRelief) this.revoke(claim);
  }

  close(piece: number): OpenClaim<BookMember<Member>> | undefined {
    const claim = this.#parts.ledger.close(piece);
    if (claim?.isRelief) this.#reliefLeft++;
    return claim;
  }

  revoke({ owner, piece }: OpenClaim<BookMember<Member>>): void {
    this.close(piece);
    if (this.#parts.office.isHeld) this.#parts.tell(owner.key, { m: "revoke", piece });
  }

  expire(now: number): void {
    const { ledger, office } = this.#parts;
    for (const claim of ledger.claims.due(now)) {
      this.revoke(claim);
      if (claim.isReported || !office.isHeld) continue;
      this.#expiredCount++;
      claim.owner.window.expired(now);
      if (claim.from) this.#sources.failed(claim.from, claim.owner, now);
    }
  }

  #adopt(owner: BookMember<Member>, piece: number, ttlMs: number, isReported: boolean, now: number): void {
    const deadline = now + ttlMs;
    this.#parts.ledger.open({
      piece,
      owner,
      from: undefined,
      since: now,
      deadline,
      isRelief: false,
      isReported,
    });
  }
}
